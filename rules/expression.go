package rules

import (
	"maps"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/optimizer"
	"github.com/expr-lang/expr/parser"
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

// compileCondition checks and compiles a rule's condition. The error is expressionErrors, with all that is wrong.
func compileCondition(s *substituted, by []string, lane Lane) (condition, error) {
	if s.tooLong != nil {
		return condition{}, expressionErrors{s.tooLong}
	}
	x := s.scan()
	tree, err := x.parse()
	if err != nil {
		return condition{}, x.syntax(err)
	}
	r := newReader(x, by, lane)
	faults := r.check(tree)
	program, wrong := x.compile(View{}, slices.Concat(viewNames, by, telemetry.LabelNames, s.in.names()))
	if faults = append(faults, x.policy.unless(wrong)...); len(faults) > 0 {
		return condition{}, faults.sorted()
	}
	r.reading.versions = x.versions.mixed
	r.reading.presence = showsPresence(tree)
	tree = x.patched(tree)
	truth, err := compileTruth(tree)
	if err != nil {
		return condition{}, expressionErrors{{Message: err.Error()}}
	}
	return condition{program: program, tree: tree, truth: truth, reads: r.reading}, nil
}

// check reads a tree, and returns what is wrong with it but for its types.
func (r *reader) check(tree ast.Node) expressionErrors {
	ast.Walk(&tree, r)
	return slices.Concat(r.expression.faults(), r.policy.faults, r.faults, r.versions.faults, checkOps(&tree), r.checkShapes(tree), checkDimensions(r.expression, tree))
}

// compile compiles the expression for an environment. Everything that does not fit is a fault: what Expr finds wrong is taken
// for something of any type, and the rest is checked again. So is what is misused, which is said already.
func (x *expression) compile(env any, known []string) (*vm.Program, expressionErrors) {
	patch := &patcher{expression: x, wrong: maps.Clone(x.misused)}
	config := configFor(env)
	if !x.anyType {
		expr.AsBool()(config)
	}
	tree, err := x.checked(config, patch)
	var faults expressionErrors
	for err != nil {
		at, placed := placeOf(err)
		if !placed && len(faults) > 0 || placed && patch.wrong[at] {
			break // follows from what was found
		}
		fault := x.explain(err, known)
		fault.of = aboutUse
		faults = append(faults, fault)
		if !placed {
			break
		}
		patch.mark(at)
		tree, err = x.checked(config, patch)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	if err = optimizer.Optimize(&tree.Node, config); err != nil {
		return nil, expressionErrors{x.explain(err, known)}
	}
	program, err := compiler.Compile(tree, config)
	if err != nil {
		return nil, expressionErrors{x.explain(err, known)}
	}
	return program, nil
}

// configFor is what expressions may have in an environment.
func configFor(env any, options ...expr.Option) *conf.Config {
	config := conf.CreateNew()
	for _, option := range slices.Concat([]expr.Option{expr.Env(env)}, options, versionFunctions, noClock) {
		option(config)
	}
	for name := range config.Disabled {
		delete(config.Builtins, name)
	}
	return config
}

// checked patches the tree and checks its types. Expr's own way to patch checks the tree before too, and then takes the arguments
// of calls for checked.
func (x *expression) checked(config *conf.Config, patch *patcher) (*parser.Tree, error) {
	tree, err := parser.ParseWithConfig(x.plain, config)
	if err != nil {
		return nil, err
	}
	ast.Walk(&tree.Node, patch)
	_, err = checker.Check(tree, config)
	return tree, err
}
