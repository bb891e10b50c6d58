package pipeline

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/telemetry"
)

const (
	collectorUser   = "weir-collect"
	collectorSecret = "a secret"
)

// TestLoginsToApacheKafka polls a broker that checks who asks and what they may, with each way to log in, and with nothing but what
// docs/collect.md lists: all is found out. With a wrong secret nothing is.
func TestLoginsToApacheKafka(t *testing.T) {
	t.Parallel()
	idp := startIdentityProvider(t)
	certificates := writeCertificates(t, collectorUser)
	running := startGuardedKafka(t, certificates, idp)
	secret := filepath.Join(t.TempDir(), "secret")
	writeText(t, secret, collectorSecret+"\n")
	token := filepath.Join(t.TempDir(), "token")
	writeText(t, token, idp.token()+"\n")
	wrong := filepath.Join(t.TempDir(), "wrong")
	writeText(t, wrong, "guessed\n")
	trusting := TLSConfig{Enabled: true, CAFile: certificates.authority}
	for _, c := range []struct {
		name, listener string
		tls            TLSConfig
		sasl           SASLConfig
		refused        string // a part of the error, empty where all is found out
	}{
		{"PLAIN", "LOGIN", trusting, SASLConfig{Mechanism: "PLAIN", User: collectorUser, PasswordFile: secret}, ""},
		{"SCRAM-SHA-256", "LOGIN", trusting, SASLConfig{Mechanism: "SCRAM-SHA-256", User: collectorUser, PasswordFile: secret}, ""},
		{"SCRAM-SHA-512", "LOGIN", trusting, SASLConfig{Mechanism: "SCRAM-SHA-512", User: collectorUser, Password: collectorSecret}, ""},
		{"OAUTHBEARER from a file", "LOGIN", trusting, SASLConfig{Mechanism: "OAUTHBEARER", TokenFile: token}, ""},
		{"OAUTHBEARER from an endpoint", "LOGIN", trusting, SASLConfig{Mechanism: "OAUTHBEARER", TokenURL: idp.url, User: collectorUser, PasswordFile: secret, Scope: "kafka"}, ""},
		{"a certificate", "MUTUAL", TLSConfig{Enabled: true, CAFile: certificates.authority, CertFile: certificates.client, KeyFile: certificates.clientKey}, SASLConfig{}, ""},
		{"a wrong password", "LOGIN", trusting, SASLConfig{Mechanism: "PLAIN", User: collectorUser, PasswordFile: wrong}, "SASL_AUTHENTICATION_FAILED"},
		{"a wrong SCRAM secret", "LOGIN", trusting, SASLConfig{Mechanism: "SCRAM-SHA-512", User: collectorUser, PasswordFile: wrong}, "SASL_AUTHENTICATION_FAILED"},
		{"a token that nobody signed", "LOGIN", trusting, SASLConfig{Mechanism: "OAUTHBEARER", TokenFile: wrong}, `the broker refuses the token: it says "{\"status\":\"invalid_token\"`},
		{"a secret that the endpoint refuses", "LOGIN", trusting, SASLConfig{Mechanism: "OAUTHBEARER", TokenURL: idp.url, User: collectorUser, PasswordFile: wrong}, "ask token_url for a token of weir-collect: "},
		{"an endpoint that sends the secret elsewhere", "LOGIN", trusting, SASLConfig{Mechanism: "OAUTHBEARER", TokenURL: strings.Replace(idp.url, "/token", "/moved", 1), User: collectorUser, PasswordFile: secret, Scope: "kafka"},
			"ask token_url for a token of weir-collect: "},
		{"no certificate", "MUTUAL", trusting, SASLConfig{}, " certificate"},
		{"an authority of others", "LOGIN", TLSConfig{Enabled: true}, SASLConfig{Mechanism: "PLAIN", User: collectorUser, PasswordFile: secret}, "certificate signed by unknown authority"},
	} {
		config := DefaultConfig()
		config.Collect = CollectConfig{Name: "c1", Clusters: []ClusterConfig{{Name: "eu", System: systemKafka, Brokers: []string{running.ListenerAddr(c.listener)}, TLS: c.tls, SASL: c.sasl}}}
		if err := config.Validate(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		polled, err := Poll(ctx, &config, "eu")
		reports := polled.Reports
		cancel()
		if c.refused == "" && (err != nil || !tells(reports, telemetry.GaugeLagMessages, 2) || !tells(reports, telemetry.GaugeUnderMinISR, 0) || !tells(reports, telemetry.GaugeControllers, 1)) {
			t.Errorf("%s: %v; reported %+v", c.name, err, reports)
		}
		if want := "messages of topic orders may not be read"; c.refused == "" && (polled.Without == nil || !strings.HasPrefix(polled.Without.Error(), want)) {
			t.Errorf("%s: does without %v, want %s", c.name, polled.Without, want)
		}
		if c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused) || len(reports) > 0 || strings.Contains(err.Error(), collectorSecret)) {
			t.Errorf("%s: got %v and %d reports, want an error with %q", c.name, err, len(reports), c.refused)
		}
	}
}

func tells(reports []telemetry.Report, gauge string, value float64) bool {
	for i := range reports {
		for _, g := range reports[i].Gauges {
			if g.Name == gauge && g.Value == value {
				return true
			}
		}
	}
	return false
}

// startGuardedKafka runs a broker whose plain listener is the administrator's, with a group that has two messages of topic orders to read.
func startGuardedKafka(t *testing.T, certificates certificates, idp *identityProvider) *kafka.Server {
	t.Helper()
	jars, err := parts.Kafka()
	if err != nil {
		t.Fatal(err)
	}
	logs := &strings.Builder{}
	keys := filepath.Join(t.TempDir(), "keys.json")
	writeText(t, keys, idp.keys())
	const login, mutual = "listener.name.login.", "listener.name.mutual."
	options := map[string]string{
		"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users":           "User:ANONYMOUS",
		"ssl.keystore.type":     "PEM", "ssl.keystore.location": certificates.server,
		"ssl.truststore.type": "PEM", "ssl.truststore.location": certificates.authority,
		mutual + "ssl.client.auth":             "required",
		mutual + "ssl.principal.mapping.rules": "RULE:^CN=(.*)$/$1/",
		login + "sasl.enabled.mechanisms":      strings.Join(saslMechanisms, ","),
		login + "plain.sasl.jaas.config": fmt.Sprintf("org.apache.kafka.common.security.plain.PlainLoginModule required user_%s=%q;",
			collectorUser, collectorSecret),
		login + "scram-sha-256.sasl.jaas.config":                        "org.apache.kafka.common.security.scram.ScramLoginModule required;",
		login + "scram-sha-512.sasl.jaas.config":                        "org.apache.kafka.common.security.scram.ScramLoginModule required;",
		login + "oauthbearer.sasl.jaas.config":                          "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
		login + "oauthbearer.sasl.server.callback.handler.class":        "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler",
		login + "oauthbearer.sasl.oauthbearer.jwks.endpoint.url":        "file://" + keys,
		login + "oauthbearer.sasl.oauthbearer.expected.audience":        "kafka",
		login + "oauthbearer.connections.max.reauth.ms":                 "60000",
		login + "oauthbearer.sasl.oauthbearer.clock.skew.seconds":       "30",
		login + "oauthbearer.sasl.oauthbearer.sub.claim.name":           "sub",
		login + "oauthbearer.sasl.oauthbearer.expected.issuer":          "weir-test",
		login + "oauthbearer.sasl.oauthbearer.jwks.endpoint.refresh.ms": "3600000",
	}
	running, err := kafka.Start(t.Context(), kafka.Config{JarDir: jars, DataDir: filepath.Join(t.TempDir(), "kafka"), LogWriter: logs, Options: options,
		Listeners: map[string]string{"LOGIN": "SASL_SSL", "MUTUAL": "SSL"}, Java: []string{"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://" + keys}})
	if err != nil {
		t.Fatalf("%v\n%s", err, logs)
	}
	t.Cleanup(func() { _ = running.Stop(context.Background()) })
	client, err := kgo.NewClient(kgo.SeedBrokers(running.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	fillGuarded(t, client)
	return running
}

// fillGuarded makes a topic, a group that reads it, and what the collector may: the list of docs/collect.md.
func fillGuarded(t *testing.T, client *kgo.Client) {
	t.Helper()
	admin := kadm.NewClient(client)
	var failed []error
	_, err := admin.CreateTopic(t.Context(), 1, 1, nil, "orders")
	failed = append(failed, err)
	for range 3 {
		failed = append(failed, client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("paid")}).FirstErr())
	}
	var commits kadm.Offsets
	commits.AddOffset("orders", 0, 1, -1)
	failed = append(failed, admin.CommitAllOffsets(t.Context(), "billing", commits))
	user := "User:" + collectorUser
	for _, acl := range []*kadm.ACLBuilder{
		kadm.NewACLs().Topics("*").Operations(kadm.OpDescribe, kadm.OpDescribeConfigs),
		kadm.NewACLs().Groups("*").Operations(kadm.OpDescribe),
		kadm.NewACLs().Clusters().Operations(kadm.OpDescribe),
	} {
		created, err := admin.CreateACLs(t.Context(), acl.Allow(user).AllowHosts().ResourcePatternType(kadm.ACLPatternLiteral))
		failed = append(failed, err)
		for _, c := range created {
			failed = append(failed, c.Err)
		}
	}
	for _, mechanism := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} {
		altered, err := admin.AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{{User: collectorUser, Mechanism: mechanism, Iterations: 4096, Password: collectorSecret}})
		failed = append(failed, err, altered.Error())
	}
	for _, err := range failed {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// identityProvider signs tokens for who knows the collector's secret.
type identityProvider struct {
	t   *testing.T
	url string
	key *rsa.PrivateKey
}

func startIdentityProvider(t *testing.T) *identityProvider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	idp := &identityProvider{t: t, key: key}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/token", http.StatusTemporaryRedirect)
			return
		}
		id, secret, _ := r.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		if err := r.ParseForm(); err != nil || r.Form.Get("grant_type") != "client_credentials" || r.Form.Get("scope") != "kafka" || id != collectorUser || secret != "a+secret" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client"}`)
			return
		}
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":300}`, idp.token())
	}))
	t.Cleanup(server.Close)
	idp.url = server.URL + "/token"
	return idp
}

var base64url = base64.RawURLEncoding

// token is a JSON Web Token (RFC 7519) of the collector.
func (p *identityProvider) token() string {
	now := time.Now()
	claims, err := json.Marshal(map[string]any{"iss": "weir-test", "sub": collectorUser, "aud": "kafka", "scope": "kafka", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()})
	if err != nil {
		p.t.Fatal(err)
	}
	text := base64url.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT","kid":"one"}`)) + "." + base64url.EncodeToString(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, digest[:])
	if err != nil {
		p.t.Fatal(err)
	}
	return text + "." + base64url.EncodeToString(signature)
}

// keys is the set of keys (RFC 7517) that tokens are checked with.
func (p *identityProvider) keys() string {
	exponent := big.NewInt(int64(p.key.E)).Bytes()
	return fmt.Sprintf(`{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"one","n":%q,"e":%q}]}`,
		base64url.EncodeToString(p.key.N.Bytes()), base64url.EncodeToString(exponent))
}

// certificates are PEM files: the authority's, the server's with its key, and the client's.
type certificates struct{ authority, server, client, clientKey string }

func writeCertificates(t *testing.T, client string) certificates {
	t.Helper()
	dir := t.TempDir()
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "weir test"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	authorityKey := newKey(t)
	out := certificates{filepath.Join(dir, "ca.pem"), filepath.Join(dir, "server.pem"), filepath.Join(dir, "client.pem"), filepath.Join(dir, "client-key.pem")}
	sign := func(template *x509.Certificate, key *ecdsa.PrivateKey) (certificate, private string) {
		der, err := x509.CreateCertificate(rand.Reader, template, authority, &key.PublicKey, authorityKey)
		if err != nil {
			t.Fatal(err)
		}
		pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	}
	certificate, _ := sign(authority, authorityKey)
	writeText(t, out.authority, certificate)
	certificate, private := sign(&x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: authority.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, newKey(t))
	writeText(t, out.server, private+certificate)
	certificate, private = sign(&x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: client}, NotAfter: authority.NotAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, newKey(t))
	writeText(t, out.client, certificate)
	writeText(t, out.clientKey, private)
	return out
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
