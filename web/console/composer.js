/** The field where messages are written. `onSend` gets a message with something in it; `onStop` ends the running answer. */
export function createComposer({ onSend, onStop }) {
  const form = document.getElementById('composer');
  const field = document.getElementById('message');
  const send = document.getElementById('send');
  const stop = document.getElementById('stop');
  let busy = false;
  const refresh = () => {
    send.hidden = busy;
    stop.hidden = !busy;
    send.disabled = field.value.trim() === '';
    // For browsers without `field-sizing`.
    field.rows = Math.min(10, field.value.split('\n').length);
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const message = field.value;
    if (busy || message.trim() === '') return;
    field.value = '';
    refresh();
    onSend(message);
  });
  field.addEventListener('input', refresh);
  field.addEventListener('keydown', (event) => {
    // Enter that confirms a word in an input method is not meant for us; Safari tells so by the key code only.
    const composing = event.isComposing || event.keyCode === 229;
    if (event.key !== 'Enter' || event.shiftKey || composing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  stop.addEventListener('click', () => {
    onStop();
    field.focus();
  });
  refresh();
  return {
    setBusy(value) {
      const stopHadFocus = document.activeElement === stop;
      busy = value;
      refresh();
      if (stopHadFocus) field.focus();
    },
    focus: () => field.focus(),
  };
}
