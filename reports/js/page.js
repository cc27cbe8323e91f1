"use strict";

/* The numbers of the page, read when they are first asked for. */
const klab = (() => {
	let data = null;
	let rows = null;

	function numbers() {
		data = data || JSON.parse(
			document.getElementById("klab-data").textContent);
		return data;
	}

	/* A row of the comparison by group and stage; {} if there is none. */
	function row(group, stage) {
		rows = rows || new Map(numbers().rows.map(
			(one) => [`${one.group}-${one.stage}`, one]));
		return rows.get(`${group}-${stage}`) || {};
	}

	return { numbers, row };
})();

/* A switch between light and dark; without it the system says which. */
(() => {
	const root = document.documentElement;
	const button = document.createElement("button");
	const dark = matchMedia("(prefers-color-scheme: dark)");

	function now() {
		return root.dataset.theme || (dark.matches ? "dark" : "light");
	}

	function name() {
		button.textContent = now() === "dark" ? "Light" : "Dark";
	}

	button.id = "theme";
	button.type = "button";
	button.addEventListener("click", () => {
		root.dataset.theme = now() === "dark" ? "light" : "dark";
		name();
	});
	dark.addEventListener("change", name);
	name();
	document.querySelector("nav").append(button);
})();

/* What a link leads to is shown: its folds open, and no filter hides it. */
(() => {
	function reveal(id) {
		const found = id && document.getElementById(id);
		if (!found)
			return;
		if (found.closest("[hidden]"))
			document.getElementById("filters").reset();
		for (let fold = found.closest("details"); fold;
		     fold = fold.parentElement.closest("details"))
			fold.open = true;
		found.scrollIntoView({
			block: found.matches("tr") ? "center" : "start" });
	}

	function target() {
		const word = location.hash.slice(1);
		try {
			reveal(decodeURIComponent(word));
		} catch {
			/* A lone % encodes nothing. */
			reveal(word);
		}
	}

	addEventListener("hashchange", target);
	document.addEventListener("click", (event) => {
		const link = event.target.closest("a[href^='#']");
		/* The hash does not change when a link is followed again. */
		if (link && link.getAttribute("href") === location.hash)
			target();
	});
	target();
})();
