// A system may call its language something that is none: "C" under WebKitGTK. Formats throw at such a name, uPlot's while it
// is loaded. Import this before whatever asks for the system's language; the window's words are English anyway.

function isLanguage(name: string): boolean {
  try {
    new Intl.Locale(name);
    return true;
  } catch {
    return false;
  }
}

if (!isLanguage(navigator.language)) Object.defineProperty(navigator, "language", { value: "en-GB", configurable: true });
