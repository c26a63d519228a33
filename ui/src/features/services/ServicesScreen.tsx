export function ServicesScreen() {
  return <p>Not yet.</p>;
}
