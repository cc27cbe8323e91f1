/* Latencies: the stage that is picked is the one that is drawn. */
(() => {
	for (const box of document.querySelectorAll("figure.tails")) {
		const select = box.querySelector("select.stage-pick");

		if (!select)
			continue;
		select.addEventListener("change", () => {
			for (const one of box.querySelectorAll(".pick"))
				one.classList.toggle("on",
					one.classList.contains(`s${select.value}`));
		});
		select.closest("[hidden]").hidden = false;
	}
})();

/* Series: the stage that is pointed at is told in words. */
(() => {
	const tip = document.getElementById("tip");

	/* The panel and the stage at a place; null beside them. */
	function find(svg, shape, event) {
		const box = svg.getBoundingClientRect();
		const scale = svg.viewBox.baseVal.width / box.width;
		const x = (event.clientX - box.left) * scale;
		const y = (event.clientY - box.top) * scale;
		const count = shape.last - shape.first + 1.2;
		const stage = Math.round(shape.first - 0.6
			+ (x - shape.left) / (shape.right - shape.left) * count);
		const panel = Math.floor(y / (shape.head + shape.panel));

		if (stage < shape.first || stage > shape.last
		    || !(panel in shape.groups))
			return null;
		return { stage, group: shape.groups[panel] };
	}

	function line(words, style) {
		const made = document.createElement("p");

		made.textContent = words;
		made.className = style;
		tip.append(made);
	}

	function percent(value) {
		return `${value < 0 ? "" : "+"}${(100 * value).toFixed(2)}`;
	}

	function tell(at) {
		const row = klab.row(at.group, at.stage);
		const group = klab.numbers().groups[at.group];
		const stage = klab.numbers().stages.find(
			(one) => one.stage === at.stage);

		if (!row.verdict)
			return false;
		tip.replaceChildren();
		line(stage.title ? `${at.stage} ${stage.title}` : stage.kernel,
		     "what");
		line(`${group.workload} ${group.metric}, ${group.config} on `
			+ group.machine, "soft");
		if (row.change !== undefined)
			line(`${percent(row.change)} % [${percent(row.low)}, `
				+ `${percent(row.high)}] %`, "change");
		line(row.verdict, `verdict ${row.verdict.replace(" ", "-")}`);
		line(`boots ${row.n}`, "");
		return true;
	}

	for (const svg of document.querySelectorAll("[data-series] > .plot")) {
		const shape = JSON.parse(svg.parentElement.dataset.series);

		svg.addEventListener("pointermove", (event) => {
			const at = find(svg, shape, event);

			tip.hidden = !at || !tell(at);
			if (tip.hidden)
				return;
			tip.style.left = `${Math.min(event.clientX + 14,
				innerWidth - tip.offsetWidth - 8)}px`;
			tip.style.top = `${Math.min(event.clientY + 14,
				innerHeight - tip.offsetHeight - 8)}px`;
		});
		svg.addEventListener("pointerleave", () => {
			tip.hidden = true;
		});
	}
})();
