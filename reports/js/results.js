/* The tables of results can be filtered. */
(() => {
	const form = document.getElementById("filters");
	if (!form)
		return;
	const folds = [...document.querySelectorAll("details.metric")];
	const rows = folds.flatMap((fold) => [...fold.querySelectorAll(
		"tbody tr")].map((node) => ({ node, kind: fold.dataset.kind })));
	const titles = new Map(klab.numbers().stages.map(
		(one) => [String(one.stage), one.title || one.kernel]));
	/* With no more rows than these all that fit are unfolded. */
	const MANY = 300;
	let before = null;

	for (const row of rows) {
		const { stage, config, workload, metric } = row.node.dataset;
		row.text = [row.node.cells[0].textContent, titles.get(stage),
			config, workload, metric].join(" ").toLowerCase();
	}

	function fits({ node, kind, text }, want) {
		const { config, workload, verdict } = node.dataset;
		return (!want.config || config === want.config)
			&& (!want.workload || workload === want.workload)
			&& (!want.kind || kind === want.kind)
			&& (!want.verdict || verdict === want.verdict)
			&& want.words.every((word) => text.includes(word));
	}

	function wanted() {
		const found = Object.fromEntries(new FormData(form));
		found.words = found.text.toLowerCase().split(/\s+/).filter(Boolean);
		return found;
	}

	/* What was unfolded before the first filter is so again after the last. */
	function fold(active, shown) {
		if (active && !before)
			before = folds.map((one) => one.open);
		folds.forEach((one, at) => {
			const some = one.querySelector("tbody tr:not([hidden])");
			one.hidden = !some;
			if (active && some && shown <= MANY)
				one.open = true;
			else if (before)
				one.open = before[at];
		});
		if (!active)
			before = null;
		for (const head of document.querySelectorAll("#results .place")) {
			let next = head.nextElementSibling;
			while (next && next.matches("details.metric[hidden], h4"))
				next = next.nextElementSibling;
			head.hidden = !next || !next.matches("details.metric");
		}
	}

	function apply() {
		const want = wanted();
		const active = Object.values(want).some((one) => one.length);
		let shown = 0;

		for (const row of rows) {
			row.node.hidden = !fits(row, want);
			shown += !row.node.hidden;
		}
		fold(active, shown);
		document.getElementById("shown").textContent = (active
			? `${shown.toLocaleString("en")} of ` : "")
			+ `${rows.length.toLocaleString("en")} rows`;
	}

	form.addEventListener("input", apply);
	form.addEventListener("submit", (event) => event.preventDefault());
	/* The fields are empty only after this event. */
	form.addEventListener("reset", () => {
		for (const field of form.elements)
			if (field.name)
				field.value = "";
		apply();
	});
	for (const link of document.querySelectorAll("a[data-verdict]"))
		link.addEventListener("click", () => {
			form.elements.verdict.value = link.dataset.verdict;
			form.elements.kind.value = link.dataset.kind || "";
			apply();
		});
	form.hidden = false;
	apply();
})();

/* They can be sorted: largest first, smallest first, and the kernels' order
   again. */
(() => {
	const NEXT = { none: "descending", descending: "ascending",
		ascending: "none" };
	const VERDICTS = ["broken", "regressed", "improved", "inconclusive",
		"equivalent", "same kernel", "not applicable", "baseline"];

	function value(row, key) {
		const { stage, verdict } = row.dataset;
		if (key === "stage")
			return Number(stage);
		if (key === "verdict")
			return -VERDICTS.indexOf(verdict);
		const one = klab.row(row.id.split("-")[1], stage);
		return key === "change" ? one.change ?? one.difference : one[key];
	}

	/* Rows without a value come last in either direction. */
	function order(rows, key, sign) {
		const known = rows.map((row) => [row, value(row, key)]);
		return known.sort(([, a], [, b]) => {
			if (a === undefined || b === undefined)
				return (a === undefined) - (b === undefined);
			return sign * (a - b);
		}).map(([row]) => row);
	}

	function sort(head, key) {
		const table = head.closest("table");
		const body = table.tBodies[0];
		const to = NEXT[head.getAttribute("aria-sort") || "none"];
		const rows = order([...body.rows], "stage", 1);

		for (const one of table.querySelectorAll("[aria-sort]"))
			one.removeAttribute("aria-sort");
		if (to !== "none")
			head.setAttribute("aria-sort", to);
		body.append(...to === "none" ? rows
			: order(rows, key, to === "ascending" ? 1 : -1));
	}

	for (const head of document.querySelectorAll("th[data-sort]")) {
		const button = document.createElement("button");
		button.className = "sort";
		button.type = "button";
		button.dataset.key = head.dataset.sort;
		button.textContent = head.textContent;
		button.addEventListener("click",
			() => sort(head, head.dataset.sort));
		head.replaceChildren(button);
	}
})();
