"""What a reader sees: colours, contrast, what sticks out.  Each is the body of
a function that runs in the page."""

#: Texts whose colour is too near to what is behind them (WCAG 2, 1.4.3):
#: [ratio, text, element].  Backgrounds are those of HTML elements; in a
#: drawing, the page behind it.
FAINT = """
const channels = text => text.match(/[\\d.]+/g).map(Number);
const linear = v => (v /= 255) <= 0.04045 ? v / 12.92
    : ((v + 0.055) / 1.055) ** 2.4;
const light = c => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1])
    + 0.0722 * linear(c[2]);
const over = (front, back) => {
    const a = front.length > 3 ? front[3] : 1;
    return [0, 1, 2].map(i => a * front[i] + (1 - a) * back[i]);
};
const grounds = new Map();
const ground = element => {
    if (!element)
        return [255, 255, 255];
    if (!grounds.has(element))
        grounds.set(element, over(
            channels(getComputedStyle(element).backgroundColor),
            ground(element.parentElement)));
    return grounds.get(element);
};
const found = [];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
    const text = walk.currentNode.data.trim();
    const element = walk.currentNode.parentElement;
    if (!text || !element.checkVisibility({visibilityProperty: true}))
        continue;
    const style = getComputedStyle(element);
    const drawn = element instanceof SVGElement;
    const ink = drawn ? style.fill : style.color;
    if (!ink.startsWith("rgb"))
        continue;
    const behind = ground(element);
    const seen = over(channels(ink), behind);
    const [low, high] = [light(seen), light(behind)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
    if (ratio < (large ? 3 : 4.5))
        found.push([Math.round(100 * ratio) / 100, text.slice(0, 40),
                    element.tagName + "." + element.getAttribute("class")]);
}
return found;
"""

#: What is wider than the window: the page itself, or a text that nothing
#: scrolls: [text, right edge].
TOO_WIDE = """
const width = document.documentElement.clientWidth, found = [];
if (document.documentElement.scrollWidth > width)
    found.push(["the page", document.documentElement.scrollWidth]);
const scrolls = element => {
    for (let e = element; e && e !== document.body; e = e.parentElement)
        if (getComputedStyle(e).overflowX !== "visible")
            return true;
    return false;
};
const range = document.createRange();
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !element.checkVisibility())
        continue;
    range.selectNodeContents(walk.currentNode);
    const right = range.getBoundingClientRect().right;
    if (right > width + 1 && (arguments[0] || !scrolls(element)))
        found.push([walk.currentNode.data.slice(0, 40), right]);
}
return found;
"""

#: Elements and attributes of a page, as a sorted list of "tag attribute".
SHAPE = """
const found = new Set();
for (const element of document.querySelectorAll("*")) {
    found.add(element.localName);
    for (const name of element.getAttributeNames())
        found.add(element.localName + " " + name);
}
return [...found].sort();
"""
