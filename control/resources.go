package control

// Resources say which resources are where: the ids of routes, by the topics to which they lead. Nobody changes them once they are made.
type Resources struct{ at map[resourcePlace][]Route }

// resourcePlace is where a route leads.
type resourcePlace struct{ system, cluster, topic string }

// ResourcesOf are the resources of routes, which are in the order of the log.
func ResourcesOf(routes []Route) *Resources {
	r := &Resources{at: make(map[resourcePlace][]Route, len(routes))}
	for _, route := range routes {
		at := resourcePlace{route.System, route.Cluster, route.BrokerTopic()}
		r.at[at] = append(r.at[at], route)
	}
	return r
}

// Resources are those of the routes that are held.
func (s *Set) Resources() *Resources { return ResourcesOf(s.Routes()) }

// Of are the resources of the topic that a client touches, by the routes that it could have found: of its env and lane, or of none. They are in the order of the
// log.
func (r *Resources) Of(w *Who) []string {
	var ids []string
	for _, route := range r.at[resourcePlace{w.System, w.Cluster, w.Topic}] {
		if (route.Env == "" || route.Env == w.Env) && (route.Lane == "" || route.Lane == w.Lane) {
			ids = append(ids, route.ID)
		}
	}
	return ids
}

// Newest is the resource of the topic that a client touches, of several the last in the log; "" for none.
func (r *Resources) Newest(w *Who) string {
	ids := r.Of(w)
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1]
}
