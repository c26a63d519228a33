export function TunnelScreen() {
  return <p>Not yet.</p>;
}
