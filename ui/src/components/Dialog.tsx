// A question over everything, for what cannot wait: leaving, looking for a command. Escape answers no.

import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";

import "./dialog.css";

interface Props {
  title: string;
  /** Whether the title is only heard. */
  hidesTitle?: boolean;
  look?: "question" | "palette" | "wide";
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({ title, hidesTitle = false, look = "question", onClose, children }: Props) {
  return (
    <ModalOverlay className="dialog-scrim" isOpen isDismissable onOpenChange={(isOpen) => { if (!isOpen) onClose(); }}>
      <Modal className={`dialog dialog-${look}`}>
        <AriaDialog className="dialog-inside" {...(hidesTitle ? { "aria-label": title } : {})}>
          {!hidesTitle && <Heading slot="title" className="dialog-title">{title}</Heading>}
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
