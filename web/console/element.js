/** A new element; children are nodes or plain texts, never markup. */
export function element(name, properties = {}, ...children) {
  const created = document.createElement(name);
  Object.assign(created, properties);
  created.append(...children);
  return created;
}
