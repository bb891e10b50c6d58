package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"github.com/weirmq/weir/rules/kernel"
)

// row is what expr.Run sees of one row.
type row struct {
	A, B, C, D float64
	P, Q       bool
	Text       string
}

// values are numbers that tell comparisons and arithmetic apart.
var values = []float64{0, math.Copysign(0, -1), 1, -1, 0.5, 2, 3, 10, 1e300, -1e300, 1 << 53, 1<<53 + 2,
	math.NaN(), math.Inf(1), math.Inf(-1), math.SmallestNonzeroFloat64}

func randomRow(r *rand.Rand) row {
	number := func() float64 {
		if r.IntN(3) == 0 {
			return float64(r.IntN(40)) / 4
		}
		return values[r.IntN(len(values))]
	}
	return row{number(), number(), number(), number(), r.IntN(2) == 0, r.IntN(2) == 0, []string{"x", "y"}[r.IntN(2)]}
}

func leaves(node ast.Node) (string, kernel.Kind, bool) {
	if name, ok := node.(*ast.IdentifierNode); ok && len(name.Value) == 1 {
		if name.Value < "P" {
			return name.Value, kernel.Number, true
		}
		return name.Value, kernel.Flag, true
	}
	return "", 0, false
}

// columns hands rows to a run; what it was not asked for is wrong.
type columns struct {
	t     testing.TB
	names []string
	rows  []row
	held  map[int]*[kernel.BlockRows]float64
	asked int
}

func (c *columns) Numbers(leaf, block int, rows *kernel.Rows) *[kernel.BlockRows]float64 {
	key := leaf*1000 + block
	out := c.held[key]
	if out == nil {
		out = new([kernel.BlockRows]float64)
		for i := range out {
			out[i] = 12345
		}
		c.held[key] = out
	}
	rows.Each(func(i int) {
		c.asked++
		r := c.row(block, i)
		out[i] = map[string]float64{"A": r.A, "B": r.B, "C": r.C, "D": r.D}[c.names[leaf]]
	})
	return out
}

func (c *columns) Flags(leaf, block int, rows *kernel.Rows) *kernel.Rows {
	var out kernel.Rows
	for w := range out {
		out[w] = 0xaaaaaaaaaaaaaaaa &^ rows[w]
	}
	rows.Each(func(i int) {
		c.asked++
		r := c.row(block, i)
		if map[string]bool{"P": r.P, "Q": r.Q}[c.names[leaf]] {
			out.Add(i)
		}
	})
	return &out
}

func (c *columns) row(block, i int) row {
	at := block*kernel.BlockRows + i
	if at >= len(c.rows) {
		c.t.Fatalf("asked for row %d of %d", at, len(c.rows))
	}
	return c.rows[at]
}

// compare evaluates conditions over rows by a plan and by expr.Run. It returns how many of
// them were lowered.
func compare(t testing.TB, texts []string, rows []row) (lowered int) {
	t.Helper()
	plan := kernel.NewPlan()
	type asked struct {
		text      string
		condition kernel.Condition
	}
	var all []asked
	for _, text := range texts {
		tree, err := parser.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if condition, ok := plan.Add(tree.Node, leaves); ok {
			all = append(all, asked{text, condition})
		}
	}
	source := &columns{t: t, names: plan.Leaves(), rows: rows, held: map[int]*[kernel.BlockRows]float64{}}
	run := plan.NewRun(source)
	got := make([][]kernel.Rows, len(all))
	for block := 0; block*kernel.BlockRows < len(rows); block++ {
		run.Begin(block)
		first := kernel.FirstRows(len(rows) - block*kernel.BlockRows)
		for i, a := range all {
			var some kernel.Rows // of half first, then of all, so that what is known is completed
			first.Each(func(row int) {
				if row%2 == i%2 {
					some.Add(row)
				}
			})
			run.Eval(a.condition, &some)
			got[i] = append(got[i], run.Eval(a.condition, &first))
		}
	}
	for i, a := range all {
		program, err := expr.Compile(a.text, expr.Env(row{}), expr.AsBool())
		if err != nil {
			t.Fatalf("lowered what does not compile: %s: %v", a.text, err)
		}
		for at, r := range rows {
			want, err := expr.Run(program, r)
			if err != nil {
				t.Fatalf("lowered what fails: %s: %v", a.text, err)
			}
			if got := got[i][at/kernel.BlockRows].Has(at % kernel.BlockRows); got != want.(bool) {
				t.Fatalf("%s of %+v: got %v, expr.Run says %v", a.text, r, got, want)
			}
		}
	}
	return len(all)
}

// grammar makes random expressions.
type grammar struct {
	*rand.Rand
	depth int
}

func (g *grammar) pick(texts ...string) string { return texts[g.IntN(len(texts))] }

// flag returns a condition.
func (g *grammar) flag() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 5 {
		return g.pick("P", "Q", "true", "false", "A > 1", "B == C")
	}
	switch g.IntN(12) {
	case 0:
		return g.pick("P", "Q", "true", "false")
	case 1:
		return fmt.Sprintf("not (%s)", g.flag())
	case 2, 3:
		return fmt.Sprintf("(%s %s %s)", g.flag(), g.pick("and", "or", "&&", "||"), g.flag())
	case 4:
		return fmt.Sprintf("((%s) %s (%s))", g.flag(), g.pick("==", "!="), g.flag())
	case 5:
		return fmt.Sprintf("((%s) ? (%s) : (%s))", g.flag(), g.flag(), g.flag())
	}
	return fmt.Sprintf("(%s %s %s)", g.number(), g.pick("<", "<=", ">", ">=", "==", "!="), g.number())
}

// number returns an arithmetic expression.
func (g *grammar) number() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 6 {
		return g.pick("A", "B", "C", "D", "1", "0.5")
	}
	switch g.IntN(14) {
	case 0, 1, 2, 3:
		return g.pick("A", "B", "C", "D")
	case 4:
		return g.pick("0", "1", "2", "3", "10", "9007199254740993", "9223372036854775807", "1000")
	case 5:
		return g.pick("0.0", "1.0", "0.5", "2.5", "1e300", "1e-300")
	case 6:
		return fmt.Sprintf("(%s%s)", g.pick("-", "+"), g.number())
	case 7:
		return fmt.Sprintf("((%s) ? %s : %s)", g.flag(), g.number(), g.number())
	case 8:
		return fmt.Sprintf("%s(%s)", g.pick("abs", "ceil", "floor", "round"), g.number())
	case 9:
		return fmt.Sprintf("%s(%s, %s)", g.pick("max", "min"), g.number(), g.number())
	}
	return fmt.Sprintf("(%s %s %s)", g.number(), g.pick("+", "-", "*", "/", "**", "^"), g.number())
}

// FuzzConditions holds that random conditions over random columns are what expr.Run finds.
// Some conditions share what others are made of.
func FuzzConditions(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed, uint16(60+seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, count uint16) {
		g := &grammar{Rand: rand.New(rand.NewPCG(seed, 0))}
		var texts []string
		for range 8 {
			texts = append(texts, g.flag())
			if earlier := texts[g.IntN(len(texts))]; g.IntN(2) == 0 {
				texts = append(texts, fmt.Sprintf("%s %s %s", g.flag(), g.pick("and", "or"), earlier))
			}
		}
		rows := make([]row, count%1200)
		for i := range rows {
			rows[i] = randomRow(g.Rand)
		}
		compare(t, texts, rows)
	})
}

// TestLowering lists what is lowered and what is left to expr.Run.
func TestLowering(t *testing.T) {
	rows := make([]row, 1100)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range rows {
		rows[i] = randomRow(r)
	}
	for text, want := range map[string]bool{
		"A > 1": true, "A > 10 * 1024": true, "2 < A": true, "A == B": true, "A != A": true, "not (A > B) or P": true,
		"A / B > 0.5 and C ** 2 <= D": true, "P == (A > 1)": true, "P != Q": true, "A > (P ? 1 : 2.5)": true, "P ? A > 1 : Q": true,
		"max(A, B, 3) > min(C, 2)": true, "max(3, A) > 2": false, "A / -0.0 > 0": false, "0.0 * -1 < A": false, "abs(A - B) >= 0.5": true, "-A < +B": true, "7 / 2 > A": true, "1 + 2 == 3": true,
		"true": true, "round(A) == A": true,
		// expr computes these by ints, or finds a fault only when it comes to them.
		"(P ? 1 : 2) + (Q ? 1 : 2) > 2": false, "abs(2) > A": false, "A > (P ? 9007199254740993 : 1)": false,
		"Text == 'x'": false, "A in [1, 2]": false, "A > 1 and Text == 'x'": false, "5 % 2 == 1": false, "int(A) == 1": false,
	} {
		if got := compare(t, []string{text}, rows) == 1; got != want {
			t.Errorf("%s: lowered is %v, want %v", text, got, want)
		}
	}
}

// TestNecessary holds that of a condition which cannot be lowered whole the part that is asked first can.
func TestNecessary(t *testing.T) {
	for text, want := range map[string]string{
		"A > 1 and Text == 'x'":          "part",
		"A > 1 and P and Text == 'x'":    "part",
		"Text == 'x' and A > 1":          "none", // it may fail before it comes to A
		"A > 1 or Text == 'x'":           "none",
		"(A > 1 or Text == 'x') and P":   "none",
		"A > 1 and (P or Text == 'x')":   "part",
		"A > 1 and P":                    "whole",
		"Text matches 'x' and A > B * 2": "none",
	} {
		tree, err := parser.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		switch _, whole, ok := kernel.NewPlan().AddNecessary(tree.Node, leaves); {
		case whole:
			got = "whole"
		case ok:
			got = "part"
		}
		if got != want {
			t.Errorf("%s: lowered is %s, want %s", text, got, want)
		}
	}
}

// TestSharedOperations holds that what conditions have in common is one operation.
func TestSharedOperations(t *testing.T) {
	plan := kernel.NewPlan()
	add := func(text string) int {
		tree, err := parser.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := plan.Add(tree.Node, leaves); !ok {
			t.Fatalf("%s is not lowered", text)
		}
		return plan.Operations()
	}
	first := add("A > 2 * B and C > 1")
	if again := add("A > 2 * B and C > 1"); again != first {
		t.Errorf("%d operations, and %d when the same is asked again", first, again)
	}
	if more := add("2 * B < A or C > 1"); more != first+1 {
		t.Errorf("%d operations, and %d with another that differs in or", first, more)
	}
}

// TestColumnsAreAskedForWhatIsNeeded holds that the right of an and is not looked at where the left is false.
func TestColumnsAreAskedForWhatIsNeeded(t *testing.T) {
	rows := make([]row, 100)
	rows[7].A, rows[7].B = 5, 1
	for text, want := range map[string]int{"A > 1 and B > 0": 101, "A <= 1 or B > 0": 101, "P ? B > 0 : A > 1": 200} {
		plan := kernel.NewPlan()
		tree, err := parser.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		condition, _ := plan.Add(tree.Node, leaves)
		source := &columns{t: t, names: plan.Leaves(), rows: rows, held: map[int]*[kernel.BlockRows]float64{}}
		run := plan.NewRun(source)
		run.Begin(0)
		all := kernel.FirstRows(len(rows))
		run.Eval(condition, &all)
		if source.asked != want {
			t.Errorf("%s asked for %d values, want %d", text, source.asked, want)
		}
	}
}

// BenchmarkConditions evaluates 1,000 conditions over 10,000 rows, by a plan and by expr.Run.
func BenchmarkConditions(b *testing.B) {
	rows := make([]row, 10_000)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range rows {
		rows[i] = row{A: r.Float64() * 1000, B: r.Float64() * 1000, C: r.Float64(), D: r.Float64()}
	}
	plan := kernel.NewPlan()
	var conditions []kernel.Condition
	for i := range 1000 {
		tree, err := parser.Parse(fmt.Sprintf("A > %d and B * 2 > %d.5 or C > 0.999 and D > 0.99", 400+i, i))
		if err != nil {
			b.Fatal(err)
		}
		condition, _ := plan.Add(tree.Node, leaves)
		conditions = append(conditions, condition)
	}
	source := &columns{t: b, names: plan.Leaves(), rows: rows, held: map[int]*[kernel.BlockRows]float64{}}
	fast := &filled{columns: source}
	run := plan.NewRun(fast)
	for b.Loop() {
		for block := 0; block*kernel.BlockRows < len(rows); block++ {
			run.Begin(block)
			all := kernel.FirstRows(len(rows) - block*kernel.BlockRows)
			for _, condition := range conditions {
				run.Eval(condition, &all)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e7, "ns/rule-and-group")
}

// filled answers from columns that are filled once.
type filled struct{ *columns }

func (f *filled) Numbers(leaf, block int, rows *kernel.Rows) *[kernel.BlockRows]float64 {
	if out := f.held[leaf*1000+block]; out != nil {
		return out
	}
	all := kernel.FirstRows(len(f.rows) - block*kernel.BlockRows)
	return f.columns.Numbers(leaf, block, &all)
}
