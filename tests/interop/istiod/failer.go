package main

import (
	"fmt"
	"os"
)

// failer implements Istio's test.Failer outside of a test: a failure ends the program.
type failer struct {
	cleanups []func()
}

func (f *failer) cleanup() {
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
}

func (f *failer) Fail()    { f.FailNow() }
func (f *failer) FailNow() { os.Exit(1) }
func (f *failer) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, args...)
	f.FailNow()
}
func (f *failer) Fatalf(format string, args ...any) { f.Fatal(fmt.Sprintf(format, args...)) }
func (f *failer) Log(args ...any)                   { fmt.Fprintln(os.Stderr, args...) }
func (f *failer) Logf(format string, args ...any)   { f.Log(fmt.Sprintf(format, args...)) }
func (f *failer) Helper()                           {}
func (f *failer) Skip(args ...any)                  { f.Fatal(args...) }
func (f *failer) Cleanup(act func())                { f.cleanups = append(f.cleanups, act) }
func (f *failer) TempDir() string {
	dir, err := os.MkdirTemp("", "istiod")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
