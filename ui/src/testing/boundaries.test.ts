// The borders that CONTRIBUTING.md names are drawn by ESLint; this proves that it would speak.

import { ESLint } from "eslint";
import { describe, expect, it } from "vitest";

const judge = new ESLint({
  overrideConfigFile: "eslint.config.js",
  // Borders need no types, and types need seconds.
  overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
  ruleFilter: ({ ruleId }) => ruleId === "no-restricted-imports",
});

async function complaints(filePath: string, code: string): Promise<(string | null)[]> {
  const [result] = await judge.lintText(code, { filePath });
  return (result?.messages ?? []).map((message) => message.ruleId);
}

describe("imports", () => {
  it("of Tauri are refused outside the bridge", async () => {
    const code = 'import { invoke } from "@tauri-apps/api/core";\nvoid invoke;\n';
    expect(await complaints("src/features/services/ServicesPane.tsx", code)).toEqual(["no-restricted-imports"]);
    expect(await complaints("src/app/App.tsx", code)).toEqual(["no-restricted-imports"]);
    expect(await complaints("src/bridge/tauri.ts", code)).toEqual([]);
  });

  it("of another feature are refused", async () => {
    const other = 'import { ContextPane } from "../contexts/ContextPane";\nvoid ContextPane;\n';
    expect(await complaints("src/features/services/ServicesPane.tsx", other)).toEqual(["no-restricted-imports"]);
    const shared = 'import { Button } from "../../components/Button";\nvoid Button;\n';
    expect(await complaints("src/features/services/ServicesPane.tsx", shared)).toEqual([]);
  });
});
