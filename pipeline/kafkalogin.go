package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// saslMechanisms are how Weir can log in to Kafka.
var saslMechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", oauthBearer}

const oauthBearer = "OAUTHBEARER"

// mechanism is how a client logs in, nil for not at all.
func (c SASLConfig) mechanism() (sasl.Mechanism, error) {
	if c.Mechanism == "" {
		return nil, nil
	}
	password, err := secretOf(c.Password, "password_file", c.PasswordFile)
	if err != nil {
		return nil, err
	}
	switch c.Mechanism {
	case "PLAIN":
		return plain.Auth{User: c.User, Pass: password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: c.User, Pass: password}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: c.User, Pass: password}.AsSha512Mechanism(), nil
	case oauthBearer:
		token := c.tokenOfFile
		if c.TokenFile == "" {
			token = c.tokenOfEndpoint(password)
		}
		return tokenLogin{oauth.Oauth(token)}, nil
	}
	return nil, fmt.Errorf("got mechanism %q, allowed are %s", c.Mechanism, strings.Join(saslMechanisms, ", "))
}

// tokenLogin says why a broker refuses a token.
type tokenLogin struct{ sasl.Mechanism }

type tokenSession struct{ sasl.Session }

// Authenticate begins a login, as sasl.Mechanism says.
func (l tokenLogin) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	session, first, err := l.Mechanism.Authenticate(ctx, host)
	return tokenSession{session}, first, err
}

// Challenge takes the broker's answer: it has none for a token that it takes (RFC 7628, 3.2.2).
func (s tokenSession) Challenge(answer []byte) (bool, []byte, error) {
	if len(answer) > 0 {
		return false, nil, fmt.Errorf("the broker refuses the token: it says %.200q; look at the token's signature, audience, issuer and time", answer)
	}
	return s.Session.Challenge(answer)
}

// tokenOfFile reads the token each time that a client connects or logs in again: who puts it there renews it.
func (c SASLConfig) tokenOfFile(context.Context) (oauth.Auth, error) {
	text, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return oauth.Auth{}, fmt.Errorf("read token_file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return oauth.Auth{}, fmt.Errorf("token_file %s is empty: put a token there", c.TokenFile)
	}
	return oauth.Auth{Token: token}, nil
}

// tokenTimeout bounds the wait for a token. Not smaller: an identity provider that starts takes seconds; not larger: the client waits for it
// while it connects.
const tokenTimeout = 10 * time.Second

// tokenOfEndpoint asks the endpoint for a token by the grant of client credentials (RFC 6749, 4.4), and again when one is about to expire.
func (c SASLConfig) tokenOfEndpoint(password string) func(context.Context) (oauth.Auth, error) {
	grant := clientcredentials.Config{ClientID: c.User, ClientSecret: password, TokenURL: c.TokenURL}
	if c.Scope != "" {
		grant.Scopes = strings.Fields(c.Scope)
	}
	// The source keeps the context that it is made with, so that of a single connection would not do.
	// It follows no redirect, which would take the secret elsewhere.
	client := &http.Client{Timeout: tokenTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	source := grant.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, client))
	return func(context.Context) (oauth.Auth, error) {
		token, err := source.Token()
		if err != nil {
			return oauth.Auth{}, fmt.Errorf("ask token_url for a token of %s: %.300s", c.User, err.Error()) // it may quote a whole page
		}
		return oauth.Auth{Token: token.AccessToken}, nil
	}
}

// faults says what is wrong in the section sasl of another, which is key.
func (c SASLConfig) faults(key string) []keyFault {
	if c.Mechanism != "" && !slices.Contains(saslMechanisms, c.Mechanism) {
		return []keyFault{{key + ".sasl.mechanism", fmt.Errorf("got %q, allowed are %s", c.Mechanism, strings.Join(saslMechanisms, ", "))}}
	}
	if c.Mechanism != oauthBearer {
		if c.TokenFile+c.TokenURL+c.Scope != "" {
			return []keyFault{{key + ".sasl.mechanism", fmt.Errorf("got %q with token_file, token_url or scope, which are of %s: leave them out, or give that", c.Mechanism, oauthBearer)}}
		}
		return nil
	}
	if (c.TokenFile == "") == (c.TokenURL == "") {
		return []keyFault{{key + ".sasl.mechanism", errors.New("OAUTHBEARER takes a token from token_file or from token_url: give one of the two")}}
	}
	if c.TokenFile != "" {
		return nil
	}
	if u, err := url.Parse(c.TokenURL); err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !net.ParseIP(u.Hostname()).IsLoopback()) {
		return []keyFault{{key + ".sasl.token_url", fmt.Errorf("got %q, want https:// and the endpoint's address, since the secret goes there", c.TokenURL)}}
	}
	if c.User == "" || c.Password+c.PasswordFile == "" {
		return []keyFault{{key + ".sasl.token_url", errors.New("needs user and password, or password_file: the id and the secret that the endpoint gives tokens for")}}
	}
	return nil
}
