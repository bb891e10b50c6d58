package rocketmq

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/remoting"
)

// Who may do all on a broker that asks who somebody is.
const (
	adminKey = "rocketmq"
	secret   = "12345678"
)

// accessControl has a broker of RocketMQ 5 ask who somebody is, and what they may do (ACL 2.0).
var accessControl = map[string]string{
	"authenticationEnabled":                "true",
	"authenticationProvider":               "org.apache.rocketmq.auth.authentication.provider.DefaultAuthenticationProvider",
	"authenticationMetadataProvider":       "org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider",
	"authorizationEnabled":                 "true",
	"authorizationProvider":                "org.apache.rocketmq.auth.authorization.provider.DefaultAuthorizationProvider",
	"authorizationMetadataProvider":        "org.apache.rocketmq.auth.authorization.provider.LocalAuthorizationMetadataProvider",
	"initAuthenticationUser":               fmt.Sprintf(`{"username":%q,"password":%q}`, adminKey, secret),
	"innerClientAuthenticationCredentials": fmt.Sprintf(`{"accessKey":%q,"secretKey":%q}`, adminKey, secret),
}

// pollerOf polls as a user.
func pollerOf(t *testing.T, r real, user string) *Poller {
	t.Helper()
	p := Open(Config{Identity: collect.Identity{Cluster: "shop", Env: "test", Collector: "here"}, NameServers: []string{r.nameServer.Addr()},
		Remoting: remoting.Config{AccessKey: user, SecretKey: secret}})
	t.Cleanup(p.Close)
	return p
}

// grant makes a user who may get what these resources are.
func grant(t *testing.T, admin *Poller, addr, user string, resources ...string) {
	t.Helper()
	send := func(code int32, fields map[string]string, body any) {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		ask(t, admin, addr, remoting.Request{Code: code, Fields: fields, Body: encoded})
	}
	const createUser, createACL = 3001, 3006
	send(createUser, map[string]string{"username": user}, map[string]string{"username": user, "password": secret, "userType": "Normal", "userStatus": "enable"})
	var entries []any
	for _, resource := range resources {
		entries = append(entries, map[string]any{"resource": resource, "actions": []string{"Get"}, "sourceIps": []string{}, "decision": "Allow"})
	}
	if len(entries) > 0 {
		send(createACL, map[string]string{"subject": "User:" + user},
			map[string]any{"subject": "User:" + user, "policies": []any{map[string]any{"policyType": "Custom", "entries": entries}}})
	}
}

// TestLeastPermissions has a broker of RocketMQ 5 that asks what somebody may do, and users who lack one thing each of what a collector needs:
// docs/collect.md lists it.
func TestLeastPermissions(t *testing.T) {
	r := startRealOf(t, setup{find: parts.RocketMQ, options: accessControl, accessKey: adminKey, secretKey: secret})
	admin := pollerOf(t, r, adminKey)
	all := []string{"Cluster:*", "Topic:*", "Group:*"}
	for user, test := range map[string]struct {
		may  []string
		want string // what the first error says, after the address of the broker
	}{
		"all":        {all, ""},
		"no-cluster": {all[1:], "for the producers: "},
		"no-topic":   {[]string{all[0], all[2]}, "for the offsets of topic orders"},
		"no-group":   {all[:2], "for the consumers of group "},
	} {
		grant(t, admin, r.broker.Addr(), user, test.may...)
		p := pollerOf(t, r, user)
		if test.want == "" {
			eventually(t, p, func(s seen, err error) error {
				return errors.Join(err, s.has("group - readers - -", map[string]float64{"members": 1}),
					s.has("group - readers orders broker-a:0", map[string]float64{"lag_messages": 0}), s.has("broker - - - -", map[string]float64{"brokers_alive": 1}))
			})
			continue
		}
		_, err := p.Poll(t.Context(), time.Now())
		t.Logf("%s: %v", user, err)
		if !errors.Is(err, remoting.ErrNoPermission) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want that it may not ask %s", user, err, test.want)
		}
	}
	if _, err := pollerOf(t, r, "nobody").Poll(t.Context(), time.Now()); err == nil {
		t.Error("who is not known may ask")
	}
}

// TestLeastPermissionsOfRelease4 has a broker of RocketMQ 4 that asks who somebody is (ACL 1.0): whoever it knows may ask for all of it, though they may
// neither send nor consume.
func TestLeastPermissionsOfRelease4(t *testing.T) {
	r := startRealOf(t, setup{find: parts.RocketMQ4, options: map[string]string{"aclEnable": "true"}, accessKey: adminKey, secretKey: secret, acl: `accounts:
- {accessKey: rocketmq, secretKey: '12345678', admin: true}
- {accessKey: weir-collect, secretKey: '12345678', admin: false, defaultTopicPerm: DENY, defaultGroupPerm: DENY}
`})
	p := pollerOf(t, r, "weir-collect")
	eventually(t, p, func(s seen, err error) error {
		return errors.Join(err, s.has("group - readers - -", map[string]float64{"members": 1}),
			s.has("group - readers orders broker-a:0", map[string]float64{"lag_messages": 0}), s.has("broker - - - -", map[string]float64{"brokers_alive": 1}))
	})
	_, err := pollerOf(t, r, "nobody").Poll(t.Context(), time.Now())
	if err == nil {
		t.Error("who is not known may ask")
	}
}
