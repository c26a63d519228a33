// The whole window: what events tell, the offers of screens, and the frame around them.

import { useState } from "react";

import { useBridge } from "../bridge/use-bridge";
import "../components/tip.css";
import { Desk } from "../state/Desk";
import { createOffers, OffersContext } from "../state/offers";
import "./app.css";
import { Crash } from "./Crash";
import { Frame } from "./Frame";

export function App() {
  const [offers] = useState(createOffers);
  return (
    <Crash bridge={useBridge()}>
      <Desk>
        <OffersContext value={offers}>
          <Frame />
        </OffersContext>
      </Desk>
    </Crash>
  );
}
