package config

import (
	"net"
	"regexp"
	"slices"
	"strconv"
)

var (
	// topicName is what Kafka takes for the name of a topic.
	topicName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)
	// variableName is what can be the name of an environment variable everywhere.
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

func (l *loader) kafkaKeys(k *Kafka) []key {
	return []key{
		{"brokers", func(v node) { readBrokers(v, &k.Brokers) }, `brokers: ["kafka:9092"]`},
		{"topic", func(v node) { readTopicName(v, &k.Topic) }, "topic: predictions"},
		{"group", func(v node) { v.word(&k.Group) }, "group: drift"},
		{"tls", func(v node) { l.readTLS(v, k) }, ""},
		{"sasl", func(v node) { l.readSASL(v, k) }, ""},
	}
}

func (l *loader) tlsKeys(t *TLS) []key {
	return []key{
		{"ca_file", func(v node) { l.readPath(v, &t.CAFile) }, ""},
		{"cert_file", func(v node) { l.readPath(v, &t.CertFile) }, ""},
		{"key_file", func(v node) { l.readPath(v, &t.KeyFile) }, ""},
		{"server_name", func(v node) { v.word(&t.ServerName) }, ""},
		{"insecure_skip_verify", func(v node) { v.boolean(&t.InsecureSkipVerify) }, ""},
	}
}

func (l *loader) saslKeys(s *SASL) []key {
	return []key{
		{
			"mechanism", func(v node) { choice(v, &s.Mechanism, "plain", "scram-sha-256", "scram-sha-512") },
			"mechanism: scram-sha-512",
		},
		{"username", func(v node) { v.word(&s.Username) }, "username: drift"},
		{"password_file", func(v node) { l.readPath(v, &s.PasswordFile) }, ""},
		{"password_variable", func(v node) { readVariableName(v, &s.PasswordVariable) }, ""},
	}
}

func (l *loader) readKafka(n node, s *Source) {
	k := &Kafka{}
	if !n.mapping("a mapping such as {brokers: [\"kafka:9092\"], topic: predictions, group: drift}", l.kafkaKeys(k)) {
		return
	}
	s.Kafka = k
	if k.Topic == "" || k.Group == "" {
		return
	}
	if l.topics == nil {
		l.topics = make(map[string]int)
	}
	both := k.Topic + " " + k.Group
	if line := l.topics[both]; line != 0 {
		n.problem("has the topic and group of line %d, and members of a group share the messages; "+
			"give every entry a group of its own", line)
		return
	}
	l.topics[both] = n.line
}

func readBrokers(n node, dst *[]string) {
	var all []string
	for _, item := range n.items(`a list of addresses such as ["kafka:9092"]`) {
		var address string
		if !item.word(&address) {
			continue
		}
		host, port, err := net.SplitHostPort(address)
		if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || host == "" {
			item.problem("%s is no address; write host:port, as in kafka:9092", shorten(address))
			continue
		}
		if slices.Contains(all, address) {
			item.problem("%s stands twice; remove one", shorten(address))
			continue
		}
		all = append(all, address)
	}
	*dst = all
}

func readTopicName(n node, dst *string) {
	var name string
	if !n.word(&name) {
		return
	}
	if !topicName.MatchString(name) || name == "." || name == ".." {
		n.problem("%s is no name of a topic; write one with letters, digits and . _ - only, 249 at most", shorten(name))
		return
	}
	*dst = name
}

func readVariableName(n node, dst *string) {
	var name string
	if !n.word(&name) {
		return
	}
	if !variableName.MatchString(name) {
		// What stands here by mistake may be the password itself.
		n.problem("must be the name of an environment variable, such as KAFKA_PASSWORD, and not its value")
		return
	}
	*dst = name
}

func (l *loader) readTLS(n node, k *Kafka) {
	t := &TLS{}
	if !n.mapping("a mapping such as {ca_file: ca.pem}, or {}", l.tlsKeys(t)) {
		return
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		n.problem("has only one of cert_file and key_file; add the other one")
	}
	k.TLS = t
}

func (l *loader) readSASL(n node, k *Kafka) {
	s := &SASL{}
	const example = "a mapping such as {mechanism: scram-sha-512, username: drift, password_file: password}"
	if !n.mapping(example, l.saslKeys(s)) {
		return
	}
	_, file := n.find("password_file")
	_, variable := n.find("password_variable")
	if file == variable {
		n.problem("needs the password from one place; give either password_file or password_variable")
	}
	k.SASL = s
}

// isTopic reports whether an entry says that its records are in a topic, and reports what cannot stand beside that.
func (n node) isTopic() bool {
	topic, ok := n.find("kafka")
	if !ok {
		return false
	}
	for _, other := range []string{"path", "receive"} {
		if _, both := n.find(other); both {
			topic.problem("has no place beside %s; make two entries of them", other)
		}
	}
	return true
}

// checkMessages reports what does not go with messages, each of which is decoded alone.
func (s *Source) checkMessages(n node) {
	if format, ok := n.find("format"); ok && s.Format == Parquet {
		format.problem("messages cannot be read as parquet; use one of the other formats")
	}
	if wrapped, ok := n.find("unwrap"); ok {
		wrapped.problem("messages are not the lines of a container's log; remove it")
	}
	if format, ok := n.find("format"); ok && s.Spec == nil && s.Format == CSV && len(s.Header) == 0 {
		format.problem("messages have no header line; add header: with the names of the columns")
	}
	for _, name := range []string{"preset", "mapping"} {
		if own, ok := n.find(name); ok && s.Spec != nil && s.Spec.Format == string(CSV) {
			own.problem("reads csv with a header line, which messages have not; use another format")
		}
	}
}
