// Why a request did not match, in few words and the same ones everywhere.

import type { Miss } from "../bindings/wire";

const words: Record<Miss, string> = {
  absent: "header absent",
  otherValue: "other value",
  otherPath: "other path",
  otherMethod: "other method",
  taken: "taken by another intercept",
};

export const missWords = (why: Miss): string => words[why];
