// What a page shows, as plain data for Python to draw. Runs in a world of its own, where no script of the page's can reach.
// Without `safe`: all texts, as they are. With it (what may stand in the place of each of them): puts those into the page, **** for
// every other text, and gives where everything then stands, so that no place depends on what was there.
(safe, ...closed) => {
  const OPAQUE = 'img,picture,canvas,svg,video,audio,iframe,frame,object,embed,math,meter,progress,marquee';
  const UNREAD = 'script,style,noscript,template,head,datalist,option,optgroup';
  const OUTLINED = 'form,input:not([type=hidden]),select,textarea,button,a,label,h1,h2,h3,[role=alert],iframe,img';
  const PRESSED = ['button', 'submit', 'reset'];
  const MOST = 200000, TEXTS = 4000, LONGEST = 5000, CHARACTERS = 100000;
  const roots = new Map(closed.map(root => [root.host, root]));
  const rootOf = el => el.shadowRoot || roots.get(el) || null;
  const attr = (el, name) => el.getAttribute(name) || '';
  const isElement = node => node.nodeType === 1;
  const words = text => (text || '').replace(/\s+/g, ' ').trim().slice(0, 80);
  const shown = el => el.checkVisibility({opacityProperty: true, visibilityProperty: true});
  const pressed = el => el.localName === 'input' && PRESSED.includes(el.type);
  const edited = el => el.isContentEditable || ['textarea', 'select'].includes(el.localName);
  const hides = el => el.matches(OPAQUE) || edited(el);

  // The nodes as they are laid out: shadow trees in place of their hosts' children, which stand in slots.
  const inside = node => {
    const root = isElement(node) && rootOf(node);
    if (root) return root.childNodes;
    const given = node.localName === 'slot' ? node.assignedNodes() : [];
    return given.length ? given : node.childNodes;
  };
  let visited = 0;
  const walk = (node, enter, leave) => {
    if (++visited > MOST) throw new Error('too large');
    if (enter(node) === false) return;
    for (const one of [...inside(node)]) walk(one, enter, leave);
    if (leave) leave(node);
  };
  const range = document.createRange();  // one: each that is there makes every change of a text slower
  const textRects = node => {
    range.selectNodeContents(node);
    return [...range.getClientRects()].filter(box => box.width > 0 && box.height > 0);
  };
  const ATTRIBUTES = ['placeholder', 'aria-label'];

  const read = () => {
    const texts = [], lines = [], visible = [];  // aria-label is read, but not seen
    let line = 0, size = 0;
    const found = globalThis.autologinFound = new Map();  // node, name of an attribute: text, its number
    const add = (node, name, text, seen) => {
      size += text.length;
      if (!text.trim() || text.length > LONGEST || size > CHARACTERS || texts.length >= TEXTS) return;  // will be ****
      if (!found.has(node)) found.set(node, {});
      found.get(node)[name] = [text, texts.length];
      texts.push(text);
      lines.push(line);
      visible.push(seen);
    };
    const breaks = node => isElement(node)
      && (node.localName === 'br' || !['inline', 'contents'].includes(getComputedStyle(node).display));
    walk(document.documentElement, node => {
      if (node.nodeType === 3) add(node, '', node.data, shown(node.parentElement || node.getRootNode().host) && textRects(node).length > 0);
      if (!isElement(node)) return true;
      if (node.matches(UNREAD) || hides(node) && node.localName !== 'textarea') return false;
      if (breaks(node)) line++;
      for (const name of ATTRIBUTES) if (attr(node, name)) line++, add(node, name, attr(node, name), name !== 'aria-label' && shown(node)), line++;
      if (pressed(node)) line++, add(node, 'value', node.value, shown(node)), line++;
      return node.localName !== 'textarea';
    }, node => { if (breaks(node)) line++; });
    return {texts, lines, visible};
  };

  const put = () => {
    const instead = (node, name, text) => {
      const [known, index] = globalThis.autologinFound.get(node)?.[name] || [];
      return known === text ? safe[index] : text.trim() ? '****' : text;
    };
    // In a layer of its own: its "!important" wins over the page's.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`@layer autologin {
      *::before, *::after { content: none !important; animation: none !important; transition: none !important }
      *::marker { content: "" !important }
      * { field-sizing: fixed !important; list-style: none !important; pointer-events: auto !important;
          animation: none !important; transition: none !important }
    }`);
    const todo = [];  // all is looked at before the first change: each look after one lays the page out anew
    const cover = (node, hidden) => {
      if (++visited > MOST) throw new Error('too large');
      if (node.nodeType === 3) {
        const text = hidden ? (node.data.trim() ? '****' : node.data) : instead(node, '', node.data);
        if (text !== node.data) todo.push(() => { node.data = text; });
      }
      if (!isElement(node) && node.nodeType !== 11) return;
      if (isElement(node)) {
        if (['script', 'style'].includes(node.localName)) return;
        const set = (name, text) => { if (attr(node, name)) todo.push(() => node.setAttribute(name, text)); };
        for (const name of ATTRIBUTES) set(name, instead(node, name, attr(node, name)));
        if (node.matches('option,optgroup,track')) set('label', '****');
        if (node.localName === 'img') set('alt', '****');
        if (node.localName === 'textarea') todo.push(() => { node.value = ''; });
        if (pressed(node) && node.value) {
          const text = instead(node, 'value', node.value);
          todo.push(() => { node.value = text; });
        }
        if (rootOf(node)) cover(rootOf(node), hidden);
      } else {
        todo.push(() => { node.adoptedStyleSheets = [sheet, ...node.adoptedStyleSheets]; });
      }
      const below = hidden || isElement(node) && hides(node);
      for (const one of [...node.childNodes]) cover(one, below);
    };
    document.adoptedStyleSheets = [sheet, ...document.adoptedStyleSheets];
    cover(document.documentElement, false);
    for (const act of todo) act();
  };

  const alpha = color => {
    const parts = color.match(/[\d.]+/g) || [];
    return color === 'transparent' ? 0 : parts.length > 3 ? Number(parts[3]) : 1;
  };
  const solid = el => {
    const style = getComputedStyle(el);
    return alpha(style.backgroundColor) > 0.3 || style.backgroundImage !== 'none' || el.matches(OPAQUE);
  };
  const above = el => el.assignedSlot || el.parentElement || el.getRootNode().host || null;
  const covered = (el, x, y) => {
    const chain = new Set();
    for (let at = el; at; at = above(at)) chain.add(at);
    for (const hit of document.elementsFromPoint(x, y)) {
      if (chain.has(hit) || el.contains(hit)) return false;
      const box = hit.getBoundingClientRect();  // the backdrop of a dialog counts as the dialog
      const within = box.left <= x && x <= box.right && box.top <= y && y <= box.bottom;
      if (within && shown(hit) && solid(hit)) return true;
    }
    return false;
  };
  const framed = el => {
    const style = getComputedStyle(el);
    return ['Top', 'Right', 'Bottom', 'Left'].some(side => parseFloat(style[`border${side}Width`]) > 0
        && !['none', 'hidden'].includes(style[`border${side}Style`]) && alpha(style[`border${side}Color`]) > 0)
      || style.boxShadow !== 'none' || alpha(style.backgroundColor) > 0.05;
  };

  const draw = () => {
    const boxes = [], texts = [], outline = [];
    const clips = [{left: 0, top: 0, right: innerWidth, bottom: innerHeight}];
    const meets = box => {
      const clip = clips.at(-1);
      return box.width > 1 && box.height > 1 && box.left < clip.right && box.right > clip.left
        && box.top < clip.bottom && box.bottom > clip.top;
    };
    const place = box => ({x: box.left, y: box.top, width: box.width, height: box.height});
    const looks = el => {
      const style = getComputedStyle(el);
      return {
        size: parseFloat(style.fontSize), bold: Number(style.fontWeight) >= 600, color: style.color,
        mono: style.fontFamily.includes('mono'), transform: style.textTransform,
      };
    };
    const write = (el, text, box) => {
      if (text && meets(box) && !covered(el, box.left + box.width / 2, box.top + box.height / 2))
        texts.push({text, ...place(box), ...looks(el)});
    };
    const writeNode = node => {
      const el = node.parentElement || node.getRootNode().host;
      if (!shown(el)) return;
      let line = '', box = null;
      for (const word of node.data.matchAll(/\S+/g)) {
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        const at = [...range.getClientRects()].find(one => one.width > 0 && one.height > 0);
        if (!at) continue;
        if (box && Math.abs(at.top - box.top) < 2) {
          line += ' ' + word[0];
          box = new DOMRect(box.left, box.top, at.right - box.left, box.height);
          continue;
        }
        if (box) write(el, line, box);
        [line, box] = [word[0], at];
      }
      if (box) write(el, line, box);
    };
    const outlined = el => ({
      tag: el.localName, id: attr(el, 'id'), class: attr(el, 'class'), name: attr(el, 'name'),
      type: attr(el, 'type'), autocomplete: attr(el, 'autocomplete'), placeholder: words(attr(el, 'placeholder')),
      label: words(attr(el, 'aria-label') || [...(el.labels || [])].map(label => label.innerText).join(' ')),
      text: ['input', 'select', 'textarea', 'form'].includes(el.localName) || hides(el) ? '' : words(el.innerText),
      visible: el.getBoundingClientRect().width > 1 && shown(el),
    });
    const kindOf = el => {
      if (el.matches(OPAQUE)) return 'covered';
      if (el.localName === 'input') {
        if (pressed(el)) return 'button';
        return ['checkbox', 'radio'].includes(el.type) ? 'tick' : el.type === 'image' ? 'covered' : 'field';
      }
      if (edited(el)) return 'field';
      if (el.matches('button,[role=button]')) return 'button';
      return el !== document.documentElement && el !== document.body && framed(el) ? 'panel' : '';
    };
    const wordsIn = el => {
      if (pressed(el)) return el.value;
      if (el.localName === 'select' || el.type === 'hidden') return '';
      return el.value || !attr(el, 'placeholder') ? (el.value ? '••••' : '') : attr(el, 'placeholder');
    };
    const enter = el => {
      if (el.matches(UNREAD)) return false;
      if (el.matches(OUTLINED) && outline.length < 200) outline.push(outlined(el));
      const box = el.getBoundingClientRect();
      const kind = kindOf(el);
      if (kind && shown(el) && meets(box) && !covered(el, box.left + box.width / 2, box.top + box.height / 2)) {
        boxes.push({kind, tag: el.localName, on: kind === 'tick' && el.checked, ...place(box)});
        if (el.localName === 'input' || el.localName === 'textarea') {
          const size = parseFloat(getComputedStyle(el).fontSize) || 13;
          const text = kind === 'tick' || kind === 'covered' ? '' : wordsIn(el);
          const top = el.localName === 'textarea' ? box.top + 4 : box.top + (box.height - size * 1.2) / 2;
          write(el, text, new DOMRect(box.left + 6, top, box.width - 8, size * 1.2));
        }
      }
      if (hides(el)) return false;
      const style = getComputedStyle(el);
      const clip = style.position === 'fixed' ? clips[0] : clips.at(-1);
      const clipping = style.overflow !== 'visible' && el !== document.documentElement && el !== document.body;
      clips.push(!clipping ? clip : {
        left: Math.max(clip.left, box.left), top: Math.max(clip.top, box.top),
        right: Math.min(clip.right, box.right), bottom: Math.min(clip.bottom, box.bottom),
      });
      return true;
    };
    walk(document.documentElement, node => {
      if (node.nodeType === 3) writeNode(node);
      return isElement(node) ? enter(node) : true;
    }, node => { if (isElement(node)) clips.pop(); });
    return {width: innerWidth, height: innerHeight, boxes: boxes.slice(0, 1000), texts: texts.slice(0, 2000), outline};
  };

  if (!safe) return read();
  visited = 0;
  put();
  visited = 0;
  return draw();
}
