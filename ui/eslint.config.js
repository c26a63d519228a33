import js from "@eslint/js";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const tauri = {
  group: ["@tauri-apps/*"],
  message: "Only src/bridge speaks to Tauri: every view must run in a plain browser.",
};
const otherFeatures = {
  group: ["../*/*", "!../../*", "**/features/*"],
  message: "Features do not import each other; app/ composes them.",
};

export default tseslint.config(
  { ignores: ["dist", "node_modules"] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
  },
  { files: ["**/*.js"], extends: [tseslint.configs.disableTypeChecked] },
  {
    files: ["scripts/*.mjs"],
    extends: [tseslint.configs.disableTypeChecked],
    // Run by Node; functions in them that are sent to the page run there.
    rules: { "no-undef": "off" },
  },
  {
    files: ["src/**/*.{ts,tsx}"],
    extends: [reactHooks.configs.flat.recommended],
    rules: {
      "no-restricted-imports": ["error", { patterns: [tauri] }],
      // Everything that comes from a cluster is shown as text.
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "What comes from a cluster or a request is text, never HTML.",
        },
      ],
      "max-lines-per-function": ["error", { max: 120, skipBlankLines: true, skipComments: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    },
  },
  { files: ["src/bridge/**"], rules: { "no-restricted-imports": "off" } },
  {
    files: ["src/features/**"],
    rules: { "no-restricted-imports": ["error", { patterns: [tauri, otherFeatures] }] },
  },
  { files: ["src/**/*.test.tsx"], rules: { "max-lines-per-function": "off" } },
  // Generated from Rust, so kept as it came.
  {
    files: ["src/bindings/**"],
    rules: { "@typescript-eslint/consistent-type-definitions": "off", "@typescript-eslint/array-type": "off", "@typescript-eslint/consistent-indexed-object-style": "off", "@typescript-eslint/no-empty-object-type": "off" },
  },
);
