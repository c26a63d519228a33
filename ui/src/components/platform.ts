// How keys are called on this system.

export const isMac = navigator.platform.includes("Mac");
export const ctrl = isMac ? "⌘" : "Ctrl";

/** Whether the key that commands begin with is held. */
export const hasCtrl = (event: { ctrlKey: boolean; metaKey: boolean }) => (isMac ? event.metaKey : event.ctrlKey);

/** Whether keys go into a field, so that single letters are no shortcuts. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  return target instanceof HTMLElement
    && (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target.isContentEditable);
}
