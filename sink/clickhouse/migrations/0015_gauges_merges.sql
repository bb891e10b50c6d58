-- As 0013 has it for rollup_10s: each of its rows with gauges has some here.
ALTER TABLE gauges MODIFY SETTING merge_selector_base = 25;
