/* The heatmap: arrow keys move between its cells, and a cell that is pointed
   at or has the focus tells all that is known of it. */
(() => {
	const tip = document.getElementById("tip");
	const tables = [...document.querySelectorAll("table.heat")];

	function line(words, style) {
		if (!words)
			return;
		const made = document.createElement("p");
		made.textContent = words;
		made.className = style || "";
		tip.append(made);
	}

	/* The texts of a result row, by what its table's head calls them. */
	function texts(row) {
		const cells = row.cells;
		return { boots: cells[1].querySelector("summary") || cells[1],
			mean: cells[2], spread: cells[3], change: cells[4],
			interval: cells[5], q: cells[7],
			more: cells[8].querySelector(".more"),
			unit: row.closest("details").querySelector(".unit") };
	}

	function fill(cell) {
		const { group, stage, config } = cell.dataset;
		const row = document.getElementById(`c-${group}-${stage}`);
		const of = Object.fromEntries(Object.entries(texts(row)).map(
			([key, node]) => [key, node ? node.textContent : ""]));
		const one = klab.row(group, stage);
		const where = klab.numbers().groups[group];

		tip.replaceChildren();
		line(cell.parentElement.cells[0].textContent, "what");
		line(`${where.workload} ${where.metric}, ${config} on `
			+ where.machine, "soft");
		line([of.change, of.interval].filter(Boolean).join("  "), "change");
		line([cell.querySelector("i").textContent,
		      row.dataset.verdict, of.more].filter(Boolean).join(" "),
		     row.className);
		line([of.mean && `mean ${of.mean} ${of.unit.split(",")[0]}`,
		      of.spread && `spread ${of.spread}`, of.q && `q ${of.q}`,
		      `boots ${of.boots}`,
		      one.splats && `${one.splats} with findings`]
			.filter(Boolean).join(", "));
		line(one.reason, "soft");
	}

	/* Below the cell, or above it where there is no room. */
	function place(cell) {
		const at = cell.getBoundingClientRect();
		const size = tip.getBoundingClientRect();
		const left = Math.min(at.left, innerWidth - size.width - 8);
		const below = at.bottom + 6;

		tip.style.left = `${Math.max(8, left)}px`;
		tip.style.top = below + size.height > innerHeight
			? `${Math.max(8, at.top - size.height - 6)}px`
			: `${below}px`;
	}

	function show(event) {
		const link = event.target.closest("td.heat a");
		if (!link)
			return;
		hide();
		fill(link.parentElement);
		tip.hidden = false;
		place(link.parentElement);
		link.setAttribute("aria-describedby", "tip");
	}

	function hide() {
		const told = document.querySelector("[aria-describedby=tip]");
		if (told)
			told.removeAttribute("aria-describedby");
		tip.hidden = true;
	}

	const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0],
		ArrowLeft: [0, -1], ArrowRight: [0, 1] };

	/* The next cell in that direction that there is. */
	function next(cell, [down, right]) {
		const rows = cell.closest("tbody").rows;
		let y = cell.parentElement.sectionRowIndex + down;
		let x = cell.cellIndex + right;

		for (; rows[y] && rows[y].cells[x]; y += down, x += right) {
			const link = rows[y].cells[x].querySelector("a");
			if (link)
				return link;
		}
		return null;
	}

	function enter(link) {
		for (const one of link.closest("table")
			.querySelectorAll("a[tabindex='0']"))
			one.tabIndex = -1;
		link.tabIndex = 0;
	}

	function key(event) {
		if (event.key === "Escape")
			hide();
		const link = event.target.closest("td.heat a");
		if (!link || !(event.key in STEPS) || event.altKey
		    || event.ctrlKey || event.metaKey)
			return;
		event.preventDefault();
		const found = next(link.parentElement, STEPS[event.key]);
		if (found)
			found.focus();
	}

	for (const table of tables) {
		/* One stop of the tab key per table; arrows do the rest. */
		const links = [...table.querySelectorAll("td a")];
		links.forEach((link, at) => { link.tabIndex = at ? -1 : 0; });
		table.addEventListener("mouseover", show);
		table.addEventListener("mouseleave", hide);
		table.addEventListener("focusin", (event) => {
			enter(event.target);
			show(event);
		});
		table.addEventListener("focusout", hide);
	}
	document.addEventListener("keydown", key);
	addEventListener("scroll", hide, { passive: true });
})();
