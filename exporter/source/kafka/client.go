package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// TLS says how connections are encrypted.
type TLS struct {
	// CAFile has the certificates of the authorities that the brokers' are checked against, in PEM; empty for those of the
	// system.
	CAFile string
	// CertFile and KeyFile have the certificate that the exporter shows, and its key; empty for none. They are read again
	// for every connection.
	CertFile, KeyFile string
	// ServerName is the name that the brokers' certificates must have; empty for that of their addresses.
	ServerName string
	// InsecureSkipVerify accepts any certificate.
	InsecureSkipVerify bool
}

// The mechanisms of authentication.
const (
	Plain       = "plain"
	ScramSHA256 = "scram-sha-256"
	ScramSHA512 = "scram-sha-512"
)

// SASL says how the exporter authenticates itself.
type SASL struct {
	Mechanism, Username string
	// PasswordFile or PasswordVariable has the password: a file, which is read for every connection, or an environment
	// variable.
	PasswordFile, PasswordVariable string
}

// Check reports what can be known to be wrong with the options without connecting: a file that cannot be read.
func (o *Options) Check() error {
	if _, err := o.TLS.config(); err != nil {
		return err
	}
	if o.SASL != nil {
		if _, err := o.SASL.password(); err != nil {
			return err
		}
	}
	return nil
}

func (t *TLS) config() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	c := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify, MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		text, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("ca_file: %s has no certificate in PEM", t.CAFile)
		}
	}
	if t.CertFile != "" {
		load := func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			if err != nil {
				return nil, fmt.Errorf("cert_file and key_file: %w", err)
			}
			return &pair, nil
		}
		if _, err := load(); err != nil {
			return nil, err
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return c, nil
}

// password reads the password, without the line end of a file.
func (a *SASL) password() (string, error) {
	if a.PasswordFile != "" {
		text, err := os.ReadFile(a.PasswordFile)
		if err != nil {
			return "", fmt.Errorf("password_file: %w", err)
		}
		password := strings.TrimRight(string(text), "\r\n")
		if password == "" {
			return "", fmt.Errorf("password_file: %s is empty", a.PasswordFile)
		}
		return password, nil
	}
	password := os.Getenv(a.PasswordVariable)
	if password == "" {
		return "", fmt.Errorf("password_variable: the environment variable %s is not set", a.PasswordVariable)
	}
	return password, nil
}

func (a *SASL) mechanism() (sasl.Mechanism, error) {
	scrams := func(context.Context) (scram.Auth, error) {
		password, err := a.password()
		return scram.Auth{User: a.Username, Pass: password}, err
	}
	switch a.Mechanism {
	case Plain:
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			password, err := a.password()
			return plain.Auth{User: a.Username, Pass: password}, err
		}), nil
	case ScramSHA256:
		return scram.Sha256(scrams), nil
	case ScramSHA512:
		return scram.Sha512(scrams), nil
	default:
		return nil, errors.New("unknown mechanism " + a.Mechanism)
	}
}

// connect returns a client, which connects when it is first used and as often as need be.
func (s *Source) connect(ctx context.Context) (*kgo.Client, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(s.options.Brokers...),
		kgo.ClientID("drift_exporter"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// The ends of transactions have offsets too: without them it would not be known that nothing is left to be read.
		kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(8 << 20),
	}
	encrypted, err := s.options.TLS.config()
	if err != nil {
		return nil, err
	}
	if encrypted != nil {
		options = append(options, kgo.DialTLSConfig(encrypted))
	}
	if s.options.SASL != nil {
		mechanism, err := s.options.SASL.mechanism()
		if err != nil {
			return nil, err
		}
		options = append(options, kgo.SASL(mechanism))
	}
	if s.options.Follow {
		options = append(options, s.groupOptions(ctx)...)
	}
	return kgo.NewClient(options...)
}
