// What a person would see on the page now: fields, buttons, lines of text. Runs in the page; reads, never writes.
// Gives {data, elements}: plain data for Python to decide on, and the elements that the data's indexes mean.
// Where nothing differs from `seen`, it waits for the page to change, a quarter of a second at most.
async ({css, seen}) => {
  // The document in a frame of our own origin; of any other one a page sees nothing.
  const inside = el => { try { return el.tagName === 'IFRAME' && el.contentDocument?.body ? el.contentDocument : null; } catch { return null; } };
  const all = (root, into = []) => {
    for (const el of root.querySelectorAll('*')) {
      into.push(el);
      if (el.shadowRoot) all(el.shadowRoot, into);
      else if (inside(el) && shown(el)) all(inside(el), into);
    }
    return into;
  };
  const words = (text, most = 200) => (text || '').replace(/\s+/g, ' ').trim().slice(0, most);
  const line = text => words(text, 5000);  // whole: whoever cuts it must look for secrets first
  const parent = el => el.parentElement || el.getRootNode().host || el.ownerDocument.defaultView?.frameElement;
  const up = (el, test) => {
    for (let at = el; at; at = parent(at)) if (test(at)) return at;
    return null;
  };
  // What an element has of itself and of all that it is in, worked out once a look.
  let chains = new Map(), seenShown = new Map();
  const chainOf = el => {
    if (chains.has(el)) return chains.get(el);
    const above = parent(el) ? chainOf(parent(el)) : {};
    const box = el.getBoundingClientRect(), style = getComputedStyle(el);
    const flat = (box.width < 2 || box.height < 2) && !['BODY', 'HTML'].includes(el.tagName) && style.overflow !== 'visible';
    const found = {
      // What lies in a box without any height or width, such as a collapsed form, is seen by nobody.
      flat, folded: above.folded || above.flat, ignored: above.ignored || el.matches('[aria-hidden=true],[inert]'), faint: above.faint || style.opacity < 0.1,
      clips: above.clips || style.clipPath !== 'none' || !['auto', ''].includes(style.clip), floats: above.floats || ['absolute', 'fixed'].includes(style.position),
    };
    chains.set(el, found);
    return found;
  };
  const hit = (el, box) => el.getRootNode().elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  // Nothing of a decoy that is clipped away can be hit, nor of one beyond the right edge, where a page does not scroll to.
  const cutAway = (el, box) => {
    const view = el.ownerDocument.defaultView;
    if (box.left >= view.innerWidth && chainOf(el).floats) return true;
    if (!chainOf(el).clips) return false;
    const inView = box.bottom > 0 && box.top < view.innerHeight && box.right > 0 && box.left < view.innerWidth;
    return inView ? !hit(el, box).includes(el) : /inset\((5\d|[6-9]\d|100)|circle\(0|rect\((0|1)px/.test(getComputedStyle(el).clipPath + getComputedStyle(el).clip);
  };
  // One see-through input over a row of drawn boxes is how some pages take a code: it lies on top, and they below it.
  const drawn = (el, box) => {
    if (el.tagName !== 'INPUT' || el.tabIndex < 0 || box.width < 60 || hit(el, box)[0] !== el) return 0;
    const around = parent(parent(el)) || parent(el);
    const within = [...around.querySelectorAll('*')].filter(one => {
      const its = one.getBoundingClientRect();
      return one !== el && !one.contains(el) && its.width > 9 && its.width < box.width / 3 && its.left >= box.left - 9 && its.right <= box.right + 9
        && its.top < box.bottom && its.bottom > box.top && !one.querySelector('*');
    });
    return within.length >= 4 ? within.length : 0;
  };
  const shown = el => {
    if (!seenShown.has(el)) seenShown.set(el, isShown(el));
    return seenShown.get(el);
  };
  const isShown = el => {
    const box = el.getBoundingClientRect(), view = el.ownerDocument.defaultView;
    if (box.width < 2 || box.height < 2 || box.right + view.scrollX <= 0 || box.bottom + view.scrollY <= 0) return false;
    if (el.checkVisibility && !el.checkVisibility({visibilityProperty: true})) return false;
    const chain = chainOf(el);
    if (chain.ignored || chain.folded || (chain.faint && !drawn(el, box))) return false;
    return !cutAway(el, box);
  };
  // Where an id stands on the page twice, its label belongs to the first one only: then the form's own label is meant.
  const labelsOf = el => {
    const form = el.closest('form');
    if (el.labels?.length || !el.id || !form) return [...(el.labels || [])];
    return [...form.querySelectorAll('label[for]')].filter(label => label.htmlFor === el.id);
  };
  const labelOf = el => {
    const ids = (el.getAttribute('aria-labelledby') || '').split(/\s+/).filter(Boolean);
    const root = el.getRootNode();
    const parts = [el.getAttribute('aria-label'), el.getAttribute('label'), el.title]
      .concat(ids.map(id => root.getElementById && root.getElementById(id)?.textContent))
      .concat(labelsOf(el).map(label => label.innerText || label.textContent));
    return words([...new Set(parts.filter(Boolean))].join(' '));
  };
  const textIn = node => node.nodeType === 3 ? node.textContent
    : node.nodeType !== 1 || ['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE'].includes(node.tagName) ? '' : node.innerText ?? node.textContent;
  const floats = (el, label) => {
    const box = el.getBoundingClientRect(), its = label.getBoundingClientRect();
    return its.height > 4 && its.left >= box.left - 4 && its.right <= box.right + 4 && its.bottom > box.top - its.height && its.top < box.bottom;
  };
  // Text beside a field that has no label of its own: "Client ID [____]".
  const nearOf = el => {
    for (let at = el, up = 0; at && up < 3; at = at.parentElement, up++) {
      let before = at.previousSibling;
      while (before && !/[\p{L}\p{N}]/u.test(textIn(before))) before = before.previousSibling;
      if (before) return before.nodeType === 1 && (before.matches('input,button') || before.querySelector('input,button')) ? '' : words(textIn(before));
      // A floating label stands behind the box that it is drawn over.
      const after = up < 2 && at.nextElementSibling;
      const plain = after && !after.matches('button,a,input') && !after.querySelector('input,button,a');
      if (plain && (after.tagName === 'LABEL' || floats(el, after)) && words(textIn(after))) return words(textIn(after), 60);
    }
    return '';
  };
  // Text behind a box to tick: "[ ] I accept the terms".
  const afterOf = el => {
    let after = el.nextSibling;
    while (after && !words(after.textContent)) after = after.nextSibling;
    return after ? words(after.textContent) : '';
  };
  const nameOf = el => ['checkbox', 'radio'].includes(el.type) ? labelOf(el) || nearOf(el) || afterOf(el)
    : words(el.innerText || el.value || el.getAttribute('aria-label') || el.title || el.textContent);
  // The box to tick that is pressed with an element: where the box itself is hidden, its label stands for it.
  const boxOf = el => {
    const box = el.tagName === 'LABEL' && el.control && !shown(el.control) ? el.control : el;
    return ['checkbox', 'radio'].includes(box.type) ? box : null;
  };
  const aside = /\b(show|hide|view|eye|toggle|clear|change|edit|resend|forgot)\b/i;
  const kinds = ['hidden', 'checkbox', 'radio', 'submit', 'button', 'image', 'reset', 'file', 'range', 'color'];
  const pressable = 'button,a,summary,[role=button],[role=link],[role=option],[role=tab],[role=menuitem],input[type=submit],input[type=button],input[type=image],input[type=checkbox],input[type=radio],label,[onclick]';
  // A challenge that is solved (by itself, or by a person) leaves its proof in a hidden field.
  const solved = () => [...document.querySelectorAll('[name$=captcha-response],[name$=turnstile-response]')].some(el => el.value);
  const challenge = el => {
    if (el.tagName === 'IFRAME') return /captcha|turnstile|challenges\.cloudflare|arkoselabs/i.test(el.src + ' ' + el.title);
    if (!['IMG', 'INPUT', 'CANVAS', 'DIV'].includes(el.tagName)) return false;
    const named = [el.id, el.getAttribute('class'), el.getAttribute('name'), el.alt, el.placeholder].join(' ');
    return /captcha|turnstile/i.test(named) && (el.tagName !== 'DIV' || el.childNodes.length > 0);
  };
  // Before its scripts are there, a form takes what is typed and nobody listens: its button would send it the plain way.
  const loading = () => document.readyState !== 'complete' && performance.now() < 5000;
  // Where an attribute of a form or a button leads. An empty one means the page itself, whatever its <base> says.
  const leads = (el, name) => {
    const value = (el?.getAttribute(name) || '').trim();
    try { return value && new URL(value, document.baseURI).href; } catch { return ''; }
  };
  const maskedBy = el => {
    const style = getComputedStyle(el);
    return el.type === 'password' || !['', 'none'].includes(style.webkitTextSecurity || '')
      || /password|dotsfont|text-security/i.test(style.fontFamily);
  };
  const boxOn = el => {
    const box = el.getBoundingClientRect();
    let [x, y] = [box.x + scrollX, box.y + scrollY];
    for (let view = el.ownerDocument.defaultView; view?.frameElement; view = view.parent) {
      const frame = view.frameElement.getBoundingClientRect();
      [x, y] = [x + frame.x, y + frame.y];
    }
    return [x, y, box.width, box.height].map(Math.round);
  };
  const typeOf = el => el.tagName === 'INPUT' ? el.type : el.getBoundingClientRect().height < 70 ? 'text' : 'textarea';
  const isPage = el => ['BODY', 'HTML'].includes(el.tagName);
  const attributes = el => [el.id, el.getAttribute('name'), el.getAttribute('class')].join(' ');
  // What a form is for, beyond its text: the heading over it, what it and the places around it are called, where it goes.
  const formData = (group, inputs, titles) => {
    const first = inputs.find(el => group.contains(el));
    const before = el => !first || el.compareDocumentPosition(first) & Node.DOCUMENT_POSITION_FOLLOWING;
    // A heading in another form is that form's.
    const ours = el => { const form = el.closest('form'); return !form || form === group || form.contains(group); };
    const headings = titles.filter(el => el.ownerDocument === group.ownerDocument && before(el) && ours(el));
    const around = [];
    for (let at = parent(group); at && !isPage(at) && around.length < 4; at = parent(at)) around.push(attributes(at));
    const within = selector => isPage(group) ? 0 : [...group.querySelectorAll(selector)].filter(el => !/captcha-response/.test(el.name || '') && shown(el)).length;
    return {
      text: words(isPage(group) ? '' : group.innerText, 600), heading: words(headings.at(-1)?.innerText), within: headings.length > 0 && group.contains(headings.at(-1)),
      names: words(isPage(group) ? '' : `${group.id} ${group.getAttribute('name') || ''} ${group.getAttribute('class') || ''} ${leads(group, 'action').replace(/[?#].*/, '').replace(/^\w+:\/\/[^/]*/, '')}`),
      around: words(around.join(' ')), page: isPage(group), selects: within('select'), textareas: within('textarea'),
    };
  };
  // A picture, a canvas or a sum right beside a box: what a captcha is made of. No flag, icon, avatar, QR code or link.
  const sum = /(?:^|\s)\d{1,2}\s*(?:[+\-−×x*]|plus|minus|times)\s*\d{1,2}\s*(?:=|\?|is\b|$)/i;
  const pictureBy = (el, all) => {
    const box = el.getBoundingClientRect();
    const beside = one => {
      const its = one.getBoundingClientRect();
      return its.left - box.right < 80 && box.left - its.right < 80 && its.top - box.bottom < 60 && box.top - its.bottom < 60;
    };
    const pictures = all.filter(one => {
      if (one.ownerDocument !== el.ownerDocument || !beside(one)) return false;
      const its = one.getBoundingClientRect(), ratio = its.width / its.height;
      const named = attributes(one) + ' ' + (one.alt || '') + ' ' + (one.getAttribute('src') || '').slice(0, 200);
      if (/captcha/i.test(named)) return true;
      return its.width >= 40 && its.height >= 15 && its.height <= 150 && (ratio < 0.8 || ratio > 1.25) && !up(one, at => at.matches('a,button,label')) && !/flag|logo|avatar|icon|eye|qr|banner|profile/i.test(named);
    });
    if (pictures.length) return 'picture';
    return sum.test(`${labelOf(el)} ${el.placeholder || ''} ${nearOf(el)}`) ? 'sum' : '';
  };
  const frameOf = el => el.ownerDocument === document ? '' : el.ownerDocument.location.href;
  // A selector that no other element of the document matches: by its id or name, or by its way down from an id.
  let ids = new Map();
  const count = el => {
    for (const key of [el.id && '#' + el.id, el.getAttribute('name') && `${el.localName} ${el.getAttribute('name')}`]) if (key) ids.set(key, (ids.get(key) || 0) + 1);
  };
  const hasOwnId = el => el.id && ids.get('#' + el.id) === 1;
  const pathOf = el => {
    if (el.getRootNode() !== el.ownerDocument) return '';
    const name = el.getAttribute('name'), steps = [];
    if (!hasOwnId(el) && name && ids.get(`${el.localName} ${name}`) === 1) return `${CSS.escape(el.localName)}[name="${CSS.escape(name)}"]`;
    for (let at = el; at; at = at.parentElement) {
      if (hasOwnId(at)) return ['#' + CSS.escape(at.id), ...steps].join(' > ');
      const same = [...(at.parentElement?.children || [at])].filter(one => one.localName === at.localName);
      steps.unshift(CSS.escape(at.localName) + (same.length > 1 ? `:nth-of-type(${same.indexOf(at) + 1})` : ''));
    }
    return steps.join(' > ');
  };
  // What a user wrote may be no selector for this browser: it matches nothing then.
  const fits = (el, selector) => { try { return el.matches(selector); } catch { return false; } };
  const matching = el => Object.keys(css).filter(name => css[name].some(selector => fits(el, selector)));
  const pressPinned = el => matching(el).some(name => name.endsWith('.pages.press'));
  // Where a text stands: in an alert region, and beside which forms. A message lies in the form or a little above or below
  // its fields; a form may be wrapped around the whole page, so the place counts, not the form's element alone.
  const regions = '[role=alert],[role=status],[role=alertdialog],[aria-live]:not([aria-live=off]),[class*=error i],[id*=error i],[class*=invalid i],[class*=alert i],[id*=alert i],[class*=toast i],[class*=snack i],[class*=danger i],[class*=flash i],[class*=notification i],[class*=errmsg i],[role=dialog],dialog[open]';
  const block = el => { while (el.parentElement && getComputedStyle(el).display.startsWith('inline')) el = el.parentElement; return el; };
  const isRegion = el => el.matches(regions) && !el.matches('body,html,input,select,textarea,button') && !el.querySelector('input:not([type=hidden]),form,textarea');
  const textsIn = (doc, groupOf, [dx, dy] = [0, 0], into = {texts: [], fields: []}) => {
    const found = all(doc).filter(el => el.ownerDocument === doc);
    const at = box => ({left: box.left + dx, right: box.right + dx, top: box.top + dy, bottom: box.bottom + dy});
    for (const el of found) {
      if (el.matches('input,[contenteditable=true]') && !kinds.includes(el.type) && shown(el)) into.fields.push({...at(el.getBoundingClientRect()), group: groupOf(el), form: el.form || null});
      if (el.tagName !== 'IFRAME' && el.tagName !== 'FRAME') continue;
      let inner = null;
      try { inner = el.contentDocument; } catch { /* another origin's */ }
      const box = el.getBoundingClientRect();
      if (inner?.body && shown(el)) textsIn(inner, () => -1, [dx + box.left + el.clientLeft, dy + box.top + el.clientTop], into);
    }
    let run = null;
    for (const root of [doc, ...found.map(el => el.shadowRoot).filter(Boolean)]) {
      const walker = doc.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
      for (let node; (node = walker.nextNode()) && into.texts.length < 2000;) {
        if (node.nodeType === 1) { if (node.tagName === 'BR') run = null; continue; }
        const holder = node.parentElement || root.host;
        if (!holder || !words(node.data) || /^(SCRIPT|STYLE|NOSCRIPT|TEMPLATE|TITLE|OPTION|TEXTAREA)$/.test(holder.tagName)) continue;
        const range = doc.createRange();
        range.selectNodeContents(node);
        const box = at(range.getBoundingClientRect()), inside = block(holder);
        if (box.right - box.left < 1 || box.bottom - box.top < 1) continue;
        if (run && run.inside === inside) {
          run.text += node.data;
          Object.assign(run, {left: Math.min(run.left, box.left), right: Math.max(run.right, box.right), top: Math.min(run.top, box.top), bottom: Math.max(run.bottom, box.bottom)});
        } else into.texts.push(run = {...box, inside, holder, text: node.data});
      }
      run = null;
    }
    return into;
  };
  const placed = groupOf => {
    const {texts, fields} = textsIn(document, groupOf);
    const areas = [...new Set(fields.map(one => one.group))].map(group => {
      const own = fields.filter(one => one.group === group), form = own[0].form;
      const side = (name, most) => most(...own.map(one => one[name]));
      return {group, left: side('left', Math.min), right: side('right', Math.max), top: side('top', Math.min), bottom: side('bottom', Math.max),
        form: form && words(form.innerText, 800).length < 700 ? form : null};
    });
    const beside = (text, area) => area.form?.contains(text.inside)
      || text.bottom > area.top - 160 && text.top < area.bottom + 200 && text.right > area.left - 120 && text.left < area.right + 120;
    return texts.map(text => ({
      text: line(text.text), alert: !!up(text.holder, isRegion), holder: text.holder,
      groups: areas.filter(area => beside(text, area)).map(area => area.group),
    })).filter(({alert, groups, holder}) => (alert || groups.length) && shown(holder)).slice(0, 300)
      .map(({text, alert, groups}) => ({text, alert, groups}));
  };
  const look = () => {
    chains = new Map();
    seenShown = new Map();
    const everything = all(document);
    ids = new Map();
    everything.forEach(count);
    const elements = [];
    const groups = [];
    const editable = el => el.isContentEditable && el.matches('[contenteditable]') && el.getBoundingClientRect().height < 80;
    const inputs = everything.filter(el => (el.tagName === 'INPUT' && !kinds.includes(el.type) || el.tagName === 'TEXTAREA' || editable(el)) && !/captcha-response/.test(el.name || '') && shown(el));
    const presses = everything.filter(el => {
      if (el.matches('input:not([type=submit],[type=button],[type=image],[type=checkbox],[type=radio])')) return false;
      const plain = !el.matches(pressable) && getComputedStyle(el).cursor === 'pointer'
        && getComputedStyle(el.parentElement || el).cursor !== 'pointer';
      return (el.matches(pressable) || plain || pressPinned(el)) && shown(el);
    });
    // Without a form, fields belong to the nearest place that has a button too (one beside a field, such as "show", is
    // none of its own), and buttons to the nearest place that fields belong to.
    const sends = el => el.matches('button,[role=button],[type=submit],[type=button]') && /[\p{L}\p{M}]{2}/u.test(nameOf(el)) && !aside.test(nameOf(el));
    const around = new Set();
    presses.filter(sends).forEach(el => up(el, at => !around.add(at)));
    const titles = everything.filter(el => el.matches('h1,h2,h3,h4,h5,h6,legend,[role=heading]') && shown(el) && words(el.innerText));
    const pictures = inputs.length ? everything.filter(el => el.matches('img,canvas,svg,[style*=background-image]') && shown(el)) : [];
    const joined = new Map();
    const groupOf = (el, places) => {
      const form = el.form || up(el, at => at.matches('form,[role=form]'));
      const group = form || up(parent(el), at => at.tagName === 'BODY' || places(at)) || document.documentElement;
      if (!groups.includes(group)) groups.push(group);
      const found = groups.indexOf(group);
      return joined.get(found) ?? found;
    };
    // A button right at the password ("forgot", in whatever language) does not part it from the user id before it.
    const hides = el => el.type === 'password';
    const groupsOfInputs = inputs.map(el => groupOf(el, at => around.has(at)));
    inputs.forEach((el, i) => {
      const [ours, theirs] = [groupsOfInputs[i], groupsOfInputs[i - 1]];
      const first = groupsOfInputs.indexOf(ours) === i;
      const plain = i > 0 && !el.form && !inputs[i - 1].form && first && hides(el);
      if (plain && ours !== theirs && !inputs.some((one, at) => groupsOfInputs[at] === theirs && hides(one))) joined.set(ours, joined.get(theirs) ?? theirs);
    });
    const texts = () => [document.body, ...everything.flatMap(el => el.shadowRoot ? [...el.shadowRoot.children] : [])]
      .filter(el => el && !['STYLE', 'SCRIPT'].includes(el.tagName)).map(el => el.innerText || '');
    // Some brokers turn a visitor away to an address that says why, on a page that may not.
    const told = () => [...new URLSearchParams(location.search)].filter(([name]) => /^error_?(msg|message|description)$/i.test(name)).map(([, value]) => value);
    const index = el => elements.push(el) - 1;
    const order = new Map(everything.map((el, place) => [el, place]));
    const covered = el => {
      const box = el.getBoundingClientRect();
      const top = el.getRootNode().elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      return !!top && top !== el && !el.contains(top) && !top.contains(el) && !top.shadowRoot;
    };
    const challenges = everything.filter(el => challenge(el) && shown(el) && !el.closest('.grecaptcha-badge')).map(el => groups.indexOf(el.closest('form')));
    const data = {
      title: words(document.title), path: location.pathname, loading: loading(),
      inputs: inputs.map(el => ({
        index: index(el), group: groupOf(el, at => around.has(at)), type: typeOf(el), id: el.id, name: el.name || '', label: labelOf(el), near: nearOf(el),
        placeholder: words(el.placeholder || el.getAttribute('data-placeholder') || el.getAttribute('aria-placeholder')), autocomplete: el.autocomplete || el.getAttribute('autocomplete') || '',
        maxlength: el.maxLength ?? -1, numeric: ['numeric', 'decimal'].includes(el.inputMode) || /\\d|0-9/.test(el.pattern || ''),
        enabled: !el.disabled, readonly: !!el.readOnly, filled: (el.value ?? el.innerText) !== '', css: matching(el),
        fixed: el.readOnly || el.disabled ? words(el.type === 'password' ? '' : el.value) : '',
        sends_to: leads(el.form, 'action'),
        tag: el.tagName.toLowerCase(), masked: maskedBy(el), required: !!el.required || el.getAttribute('aria-required') === 'true',
        form_names: el.form ? `${el.form.id} ${el.form.getAttribute('name') || ''}` : '', picture: pictureBy(el, pictures), drawn: drawn(el, el.getBoundingClientRect()),
        box: boxOn(el), frame: frameOf(el), path: pathOf(el), order: order.get(el),
      })),
      buttons: presses.map(el => ({
        index: index(el), group: groupOf(el, at => groups.includes(at)), tag: el.tagName.toLowerCase(), covered: covered(el) || (el.tagName === 'LABEL' && !!boxOf(el)), css: matching(boxOf(el) || el),
        name: nameOf(el),
        ticked: boxOf(el)?.checked ?? null,
        submit: el.matches('button:not([type]),button[type=submit],input[type=submit],input[type=image]') && !!el.closest('form')
          || el.matches('[type=submit]'),
        enabled: !el.disabled && el.getAttribute('aria-disabled') !== 'true',
        sends_to: el.form ? leads(el, 'formaction') : '',
        box: boxOn(el), frame: frameOf(el), path: pathOf(el), order: order.get(el), id: el.id || '', kind: el.getAttribute('name') || '',
      })),
      groups: groups.map(group => words(isPage(group) ? '' : group.innerText)),
      forms: groups.map(group => formData(group, inputs, titles)),
      closed: [...new Set(everything.filter(el => el.localName.includes('-') && !el.shadowRoot && !el.childElementCount && shown(el) && el.getBoundingClientRect().height >= 40).map(el => el.localName))],
      frames: [...new Set(everything.filter(el => el.tagName === 'IFRAME' && (!inside(el) || !inside(el).body.childElementCount) && shown(el) && el.getBoundingClientRect().height >= 40).map(el => leads(el, 'src')))].filter(Boolean),
      lines: [...new Set([...told(), ...texts()].join('\n').split('\n').map(line).filter(Boolean))].slice(0, 300),
      alerts: everything.filter(el => el.matches('[role=alert],[aria-live=assertive],[class*=error],[class*=Error],[class*=alert]') && shown(el))
        .map(el => line(el.innerText)).filter(Boolean).slice(0, 5),
      words: placed(el => groupOf(el, at => around.has(at))), made: performance.timeOrigin,
      captcha: !solved() && challenges.length > 0, captcha_groups: challenges.every(at => at >= 0) ? [...new Set(challenges)] : [],
    };
    return {data, elements, mark: JSON.stringify(data)};
  };
  let now = look();
  if (now.mark === seen) {
    await new Promise(resolve => {
      const watch = new MutationObserver(resolve);
      watch.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
      document.addEventListener('readystatechange', resolve, {once: true});
      setTimeout(() => { watch.disconnect(); resolve(); }, 250);
    });
    now = look();
  }
  return now;
}
