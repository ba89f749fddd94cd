package main

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
)

// store changes what the running istiod sees.
type store struct {
	fake *xds.FakeDiscoveryServer
}

func documents(text string) []string {
	var out []string
	for _, document := range strings.Split("\n"+text, "\n---") {
		if strings.TrimSpace(document) != "" {
			out = append(out, document)
		}
	}
	return out
}

func isIstio(document string) (bool, error) {
	var header metav1.TypeMeta
	if err := yaml.Unmarshal([]byte(document), &header); err != nil {
		return false, err
	}
	return strings.Contains(header.APIVersion, "istio.io"), nil
}

func parseIstio(document string) ([]config.Config, error) {
	parsed, unknown, err := crd.ParseInputs(document)
	if err != nil {
		return nil, err
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("unknown kind %q", unknown[0].Kind)
	}
	for i := range parsed {
		// Short host names are completed with the domain, which ParseInputs leaves empty.
		parsed[i].Domain = "cluster.local"
	}
	return parsed, nil
}

func parseKubernetes(document string) (runtime.Object, error) {
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode([]byte(document), nil, nil)
	return object, err
}

func readIstioConfigs(file string) ([]config.Config, error) {
	text, err := readFile(file)
	if err != nil || text == "" {
		return nil, err
	}
	var out []config.Config
	for _, document := range documents(text) {
		parsed, err := parseIstio(document)
		if err != nil {
			return nil, err
		}
		out = append(out, parsed...)
	}
	return out, nil
}

func readKubernetesObjects(file string) ([]runtime.Object, error) {
	text, err := readFile(file)
	if err != nil || text == "" {
		return nil, err
	}
	var out []runtime.Object
	for _, document := range documents(text) {
		object, err := parseKubernetes(document)
		if err != nil {
			return nil, err
		}
		out = append(out, object)
	}
	return out, nil
}

func (s *store) apply(text string) error {
	return s.each(text, func(c config.Config) error {
		if _, err := s.fake.Store().Create(c); err == nil {
			return nil
		}
		current := s.fake.Store().Get(c.GroupVersionKind, c.Name, c.Namespace)
		if current != nil {
			c.ResourceVersion = current.ResourceVersion
		}
		_, err := s.fake.Store().Update(c)
		return err
	}, s.applyKubernetes)
}

func (s *store) delete(text string) error {
	return s.each(text, func(c config.Config) error {
		return s.fake.Store().Delete(c.GroupVersionKind, c.Name, c.Namespace, nil)
	}, s.deleteKubernetes)
}

func (s *store) each(text string, istio func(config.Config) error, kubernetes func(runtime.Object) error) error {
	for _, document := range documents(text) {
		ours, err := isIstio(document)
		if err != nil {
			return err
		}
		if !ours {
			object, err := parseKubernetes(document)
			if err == nil {
				err = kubernetes(object)
			}
			if err != nil {
				return err
			}
			continue
		}
		parsed, err := parseIstio(document)
		if err != nil {
			return err
		}
		for _, c := range parsed {
			if err := istio(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *store) applyKubernetes(object runtime.Object) error {
	ctx := context.Background()
	client := s.fake.KubeClient().Kube()
	var err error
	switch o := object.(type) {
	case *corev1.Service:
		if _, err = client.CoreV1().Services(o.Namespace).Create(ctx, o, metav1.CreateOptions{}); apierrors.IsAlreadyExists(err) {
			_, err = client.CoreV1().Services(o.Namespace).Update(ctx, o, metav1.UpdateOptions{})
		}
	case *corev1.Pod:
		if _, err = client.CoreV1().Pods(o.Namespace).Create(ctx, o, metav1.CreateOptions{}); apierrors.IsAlreadyExists(err) {
			_, err = client.CoreV1().Pods(o.Namespace).Update(ctx, o, metav1.UpdateOptions{})
		}
	case *corev1.Secret:
		if _, err = client.CoreV1().Secrets(o.Namespace).Create(ctx, o, metav1.CreateOptions{}); apierrors.IsAlreadyExists(err) {
			_, err = client.CoreV1().Secrets(o.Namespace).Update(ctx, o, metav1.UpdateOptions{})
		}
	case *discoveryv1.EndpointSlice:
		slices := client.DiscoveryV1().EndpointSlices(o.Namespace)
		if _, err = slices.Create(ctx, o, metav1.CreateOptions{}); apierrors.IsAlreadyExists(err) {
			_, err = slices.Update(ctx, o, metav1.UpdateOptions{})
		}
	case *corev1.Namespace:
		_, err = client.CoreV1().Namespaces().Create(ctx, o, metav1.CreateOptions{})
	default:
		err = fmt.Errorf("cannot apply a %T while running", object)
	}
	return err
}

func (s *store) deleteKubernetes(object runtime.Object) error {
	ctx := context.Background()
	client := s.fake.KubeClient().Kube()
	switch o := object.(type) {
	case *corev1.Service:
		return client.CoreV1().Services(o.Namespace).Delete(ctx, o.Name, metav1.DeleteOptions{})
	case *corev1.Pod:
		return client.CoreV1().Pods(o.Namespace).Delete(ctx, o.Name, metav1.DeleteOptions{})
	case *discoveryv1.EndpointSlice:
		return client.DiscoveryV1().EndpointSlices(o.Namespace).Delete(ctx, o.Name, metav1.DeleteOptions{})
	}
	return fmt.Errorf("cannot delete a %T while running", object)
}
