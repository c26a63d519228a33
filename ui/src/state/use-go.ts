// Going to another screen.

import { createContext, useContext } from "react";

import type { Goal } from "../bindings/wire";

export type Go = (goal: Goal) => void;

export const GoContext = createContext<Go>(() => undefined);

export function useGo(): Go {
  return useContext(GoContext);
}
