// The whole window: what events tell, the offers of screens, and the frame around them.

import { useState } from "react";

import { Desk } from "../state/Desk";
import { createOffers, OffersContext } from "../state/offers";
import "./app.css";
import { Frame } from "./Frame";

export function App() {
  const [offers] = useState(createOffers);
  return (
    <Desk>
      <OffersContext value={offers}>
        <Frame />
      </OffersContext>
    </Desk>
  );
}
