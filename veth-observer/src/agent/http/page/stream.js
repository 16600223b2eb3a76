// Reports as they come, and whether any come at all.

/** Without a report for so long, the agent counts as gone. Milliseconds. */
const SILENCE = 5000;
const AGAIN = 2000;

/**
 * Calls `report` with each report, and `gone` with the time of the last one, and whether somebody still listens, when no more
 * come. Where no stream is to be had
 * (the agent serves only so many), it asks for single reports.
 */
export function follow(report, gone) {
  let heard = new Date();
  let isGone = false;
  let source = null;

  const take = (text) => {
    heard = new Date();
    isGone = false;
    report(JSON.parse(text), heard);
  };
  const lose = () => {
    if (!isGone) gone(heard, source?.readyState === EventSource.OPEN);
    isGone = true;
  };
  const fail = async () => {
    source?.close();
    source = null;
    setTimeout(open, AGAIN);
    try {
      const answer = await fetch('/api/v1/report', { signal: AbortSignal.timeout(AGAIN) });
      if (answer.ok) take(await answer.text());
      else lose();
    } catch {
      lose();
    }
  };
  const open = () => {
    source = new EventSource('/api/v1/stream');
    source.onmessage = (event) => take(event.data);
    source.onerror = fail;
  };

  setInterval(() => {
    if (new Date() - heard > SILENCE) lose();
  }, 1000);
  open();
}
