// Draws over a page what would be filled and pressed, and says below it what it is. Touches nothing of the page's own.
({marks, words, strip, colour}) => {
  const host = document.createElement('div');
  const root = host.attachShadow({mode: 'closed'});
  const css = (el, rules) => { Object.assign(el.style, rules); return el; };
  const part = (text, rules) => {
    const el = css(document.createElement('div'), {position: 'fixed', boxSizing: 'border-box',
      font: 'bold 14px/20px sans-serif', whiteSpace: 'nowrap', ...rules});
    el.textContent = text;
    root.append(el);
    return el;
  };
  for (const {box: [x, y, width, height], label, colour} of marks) {
    part('', {left: `${x - 3}px`, top: `${y - 3}px`, width: `${width + 6}px`, height: `${height + 6}px`,
      border: `3px solid ${colour}`, borderRadius: '4px'});
    if (label) part(label, {left: `${x + width + 6}px`, top: `${y + height / 2 - 10}px`, padding: '0 6px',
      color: 'white', background: colour, borderRadius: '4px', maxWidth: '420px', overflow: 'hidden'});
  }
  part(words, {left: '0', bottom: '0', width: '100%', height: `${strip}px`, padding: '8px 12px', whiteSpace: 'normal',
    overflow: 'hidden', color: 'white', background: colour});
  css(host, {all: 'initial', position: 'fixed', inset: '0', width: '100vw', height: '100vh', margin: '0', padding: '0',
    border: '0', background: 'none', zIndex: '2147483647', pointerEvents: 'none', overflow: 'visible'});
  document.documentElement.append(host);
  if (host.showPopover) { host.popover = 'manual'; host.showPopover(); }  // above a page's own dialog
}
