export function InspectorScreen() {
  return <p>Not yet.</p>;
}
