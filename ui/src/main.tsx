import { StrictMode } from "react";
import { I18nProvider } from "react-aria-components";
import { createRoot } from "react-dom/client";

import { App } from "./app/App";
import { applyTheme, savedTheme } from "./app/theme";
import { openBridge } from "./bridge/open";
import { BridgeContext } from "./bridge/use-bridge";
import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";

// Before the first paint, so that no window flashes in the wrong theme.
applyTheme(savedTheme());

const root = document.getElementById("root");
if (!root) throw new Error("index.html must have #root");
createRoot(root).render(
  <StrictMode>
    {/* The words are English, so are the formats of numbers and dates. */}
    <I18nProvider locale="en-GB">
      <BridgeContext value={openBridge()}>
        <App />
      </BridgeContext>
    </I18nProvider>
  </StrictMode>,
);
