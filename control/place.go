package control

import "fmt"

// MaxFormer bounds the places that a route says it came from. Not fewer: a fleet is drained through a few clusters; not more: a consumer that is
// started reads each.
const MaxFormer = 8

// Place is a topic of a cluster, of the system of the route that names it.
type Place struct {
	Cluster   string   `json:"cluster"`
	Endpoints []string `json:"endpoints"`
	Topic     string   `json:"topic"`
	Instance  string   `json:"instance,omitempty"`
	Namespace string   `json:"namespace,omitempty"`
}

// Place is where the route leads.
func (r *Route) Place() Place { return Place{r.Cluster, r.Endpoints, r.Topic, r.Instance, r.Namespace} }

// At is the route as if it led to a place.
func (r *Route) At(p Place) Route {
	at := *r
	at.Cluster, at.Endpoints, at.Topic, at.Instance, at.Namespace, at.Former = p.Cluster, p.Endpoints, p.Topic, p.Instance, p.Namespace, nil
	return at
}

// formerFaults says what is wrong with where a resource was.
func (r *Route) formerFaults(f *Faults) {
	if len(r.Former) > MaxFormer {
		f.add("former", "got %d, want at most %d", len(r.Former), MaxFormer)
	}
	for i := range r.Former {
		at := r.At(r.Former[i])
		path := fmt.Sprintf("former[%d]", i)
		for _, fault := range at.faults() {
			switch fault.Path {
			case "schema", "id", "revision", "env", "lane", "system", "author", "source", "spec": // are the route's, and told there
			default:
				f.add(path+"."+fault.Path, "%s", fault.Message)
			}
		}
	}
}
