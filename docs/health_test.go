package docs_test

import (
	"go/ast"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/weirmq/weir/collect/health"
	"github.com/weirmq/weir/pipeline"
)

// TestHealthIsWhole reads the parts of scores from the source, and the fields of the answer from its types.
func TestHealthIsWhole(t *testing.T) {
	t.Parallel()
	p := readPage(t, "docs/health.md")
	parts := 0
	for _, file := range parseFolder(t, "collect/health") {
		ast.Inspect(file, func(n ast.Node) bool {
			pair, ok := n.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			key, isName := pair.Key.(*ast.Ident)
			text, isText := pair.Value.(*ast.BasicLit)
			if isName && isText && key.Name == "name" {
				name, err := strconv.Unquote(text.Value)
				if err != nil {
					t.Fatal(err)
				}
				says(t, p, "a part", "| `"+name+"` |")
				parts++
			}
			return true
		})
	}
	if parts < 20 {
		t.Errorf("found %d parts only", parts)
	}
	for _, of := range []reflect.Type{reflect.TypeFor[pipeline.Health](), reflect.TypeFor[pipeline.NotPolled](), reflect.TypeFor[health.Tree](),
		reflect.TypeFor[health.Thing](), reflect.TypeFor[health.Part](), reflect.TypeFor[health.Limit](), reflect.TypeFor[health.Summary]()} {
		for i := range of.NumField() {
			if name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ","); name != "" {
				says(t, p, "a field of "+of.Name(), "`"+name+"`")
			}
		}
	}
	for _, most := range []int{health.MaxWorst, health.MaxAll, health.MaxThings} {
		says(t, p, "a bound", grouped(most))
	}
}
