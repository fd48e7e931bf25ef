// Package kubernetes holds the Kubernetes objects of `drift_exporter bundle` against the types of Kubernetes and of the
// Prometheus Operator, which are too many for the module of the exporter.
package kubernetes

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	yamlnodes "gopkg.in/yaml.v3"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/drift-exporter/drift_exporter/exporter/bundle"
)

// split returns the documents of a file.
func split(t *testing.T, content []byte) [][]byte {
	t.Helper()
	decoder := yamlnodes.NewDecoder(bytes.NewReader(content))
	var all [][]byte
	for {
		var document any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		one, err := yaml.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
}

func TestObjectsAreKnownToKubernetes(t *testing.T) {
	types := map[string]func() any{
		"v1 ConfigMap":                            func() any { return new(core.ConfigMap) },
		"v1 PersistentVolumeClaim":                func() any { return new(core.PersistentVolumeClaim) },
		"v1 Service":                              func() any { return new(core.Service) },
		"apps/v1 Deployment":                      func() any { return new(apps.Deployment) },
		"monitoring.coreos.com/v1 PrometheusRule": func() any { return new(monitoring.PrometheusRule) },
		"monitoring.coreos.com/v1 ServiceMonitor": func() any { return new(monitoring.ServiceMonitor) },
	}
	files, err := bundle.Files(bundle.Options{Image: "drift_exporter:1", Version: "1", Labels: map[string]string{"release": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for name, content := range files {
		if !strings.HasPrefix(name, "kubernetes/") {
			continue
		}
		for _, document := range split(t, content) {
			var head struct{ APIVersion, Kind string }
			if err := yaml.Unmarshal(document, &head); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			kind := head.APIVersion + " " + head.Kind
			seen[kind] = true
			empty, ok := types[kind]
			if !ok {
				t.Errorf("%s: %s is of no known type", name, kind)
				continue
			}
			if err := yaml.UnmarshalStrict(document, empty()); err != nil {
				t.Errorf("%s: %s: %v", name, kind, err)
			}
		}
	}
	for kind := range types {
		if !seen[kind] {
			t.Errorf("the bundle has no %s", kind)
		}
	}
}
