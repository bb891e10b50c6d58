package pipeline

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// flagParameters are those parameters of the API that are true or false.
var flagParameters = []string{"all", "dry_run"}

// asks has a handler of the API answer requests whose query has those parameters alone, each at most once, and refuses others: one that is misspelt and passed over has a
// dry run write.
func asks(answer http.HandlerFunc, allowed ...string) http.HandlerFunc {
	slices.Sort(allowed)
	return func(w http.ResponseWriter, r *http.Request) {
		if err := checkParameters(r.URL.RawQuery, allowed); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, r)
	}
}

// checkParameters says what is wrong with a query, the first by name.
func checkParameters(query string, allowed []string) error {
	asked, err := url.ParseQuery(query)
	if err != nil { // else what cannot be read would be passed over
		return fmt.Errorf("read what is asked: %w", err)
	}
	names := make([]string, 0, len(asked))
	for name := range asked {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := asked[name]
		switch {
		case !slices.Contains(allowed, name) && len(allowed) == 0:
			return fmt.Errorf("there is no parameter %.64q: there are none here", name)
		case !slices.Contains(allowed, name):
			return fmt.Errorf("there is no parameter %.64q: allowed are %s", name, strings.Join(allowed, ", "))
		case len(values) > 1:
			return fmt.Errorf("%s is there %d times: give it once", name, len(values))
		case slices.Contains(flagParameters, name):
			if _, err := strconv.ParseBool(values[0]); err != nil {
				return fmt.Errorf("got %.64q for %s, allowed are true and false", values[0], name)
			}
		}
	}
	return nil
}

// flagOf is what a request says of a flag, false where it does not; asks has looked at it.
func flagOf(r *http.Request, name string) bool {
	is, err := strconv.ParseBool(r.URL.Query().Get(name))
	return err == nil && is
}
