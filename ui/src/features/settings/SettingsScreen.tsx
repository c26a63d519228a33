export function SettingsScreen() {
  return <p>Not yet.</p>;
}
