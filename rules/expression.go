package rules

import (
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/vm"

	"github.com/weirmq/weir/telemetry"
)

// noClock takes away what would make an evaluation depend on when it runs.
var (
	clocks  = []string{"now", "date", "timezone"}
	noClock = []expr.Option{expr.DisableBuiltin("now"), expr.DisableBuiltin("date"), expr.DisableBuiltin("timezone")}
)

// condition is a rule's expression, checked and compiled.
type condition struct {
	program *vm.Program
	// tree has a constant in place of each literal, in seconds, bytes, bytes per second or as a share, and a call in place of
	// each comparison of versions. It is not optimised.
	tree  ast.Node
	truth *compiledTruth
	reads reading
}

// compileExpr checks and compiles a rule's condition. The error is expressionErrors, with all that is wrong.
func compileExpr(text string, by []string, lane Lane) (condition, error) {
	x := scanExpression(text)
	tree, err := x.parse()
	if err != nil {
		return condition{}, x.syntax(err)
	}
	r := newReader(x, by, lane)
	ast.Walk(&tree, r)
	faults := slices.Concat(x.faults(), x.policy.faults, r.faults, x.versions.faults, checkOps(&tree), checkShapes(tree), checkDimensions(x, tree))
	program, wrong := x.compile(View{}, slices.Concat(viewNames, by, telemetry.LabelNames))
	if faults = append(faults, x.policy.unless(wrong)...); len(faults) > 0 {
		return condition{}, faults.sorted()
	}
	r.reading.policy, r.reading.versions = x.policy.used, x.versions.mixed
	r.reading.presence = showsPresence(tree)
	tree = x.patched(tree)
	truth, err := compileTruth(tree)
	if err != nil {
		return condition{}, expressionErrors{{Message: err.Error()}}
	}
	return condition{program: program, tree: tree, truth: truth, reads: r.reading}, nil
}

// compile compiles the expression for an environment. Everything that does not fit is a fault: what Expr finds wrong is taken
// for something of any type, and the rest is checked again.
func (x *expression) compile(env any, known []string) (*vm.Program, expressionErrors) {
	patch := &patcher{expression: x}
	options := slices.Concat([]expr.Option{expr.Env(env), expr.AsBool(), expr.Patch(patch)}, versionFunctions, noClock)
	program, err := expr.Compile(x.plain, options...)
	var faults expressionErrors
	for err != nil {
		at, placed := placeOf(err)
		if !placed && len(faults) > 0 || placed && patch.wrong[at] {
			break // follows from what was found
		}
		faults = append(faults, x.explain(err, known))
		if !placed {
			break
		}
		patch.mark(at)
		err = x.check(options)
	}
	return program, faults
}

// check checks types without compiling.
func (x *expression) check(options []expr.Option) error {
	config := conf.CreateNew()
	for _, option := range options {
		option(config)
	}
	for name := range config.Disabled {
		delete(config.Builtins, name)
	}
	_, err := checker.ParseCheck(x.plain, config)
	return err
}
