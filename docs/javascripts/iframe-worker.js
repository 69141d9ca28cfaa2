// Lets the search run where pages are opened from a disk, from where browsers start no workers: a
// hidden frame runs the worker's script instead, and gets and sends the same messages.
"use strict";

class FrameWorker extends EventTarget {
  constructor(url) {
    super();
    const frame = document.createElement("iframe");
    frame.hidden = true;
    document.body.append(frame);
    this.frame = frame.contentWindow;
    window.addEventListener("message", (event) => {
      if (event.source !== this.frame) return;
      const message = new MessageEvent("message", { data: event.data });
      this.dispatchEvent(message);
      this.onmessage?.(message);
    });
    const page = this.frame.document;
    page.open();
    page.write(
      "<script>postMessage = (data) => parent.postMessage(data, '*')</script>" +
        `<script src="${url}"></script>`,
    );
    page.close();
    this.loaded = new Promise((resolve) => (this.frame.onload = resolve));
  }

  async postMessage(data) {
    await this.loaded;
    this.frame.dispatchEvent(new MessageEvent("message", { data: structuredClone(data) }));
  }
}

if (location.protocol === "file:") window.Worker = FrameWorker;
