package outcome

import "testing"

func TestClassesGiveCodesInOrderUpToTheLimit(t *testing.T) {
	c := NewClasses(2)
	for _, step := range []struct {
		name string
		want uint32
	}{{"yes", 0}, {"no", 1}, {"yes", 0}, {"maybe", Other}, {"no", 1}, {"", Other}} {
		if got := c.Code([]byte(step.name)); got != step.want {
			t.Errorf("code of %q = %d, want %d", step.name, got, step.want)
		}
	}
	if c.Len() != 2 {
		t.Errorf("%d names, want 2", c.Len())
	}
	for code, want := range map[uint32]string{0: "yes", 1: "no", Other: "other"} {
		if got := c.Name(code); got != want {
			t.Errorf("name of %d = %q, want %q", code, got, want)
		}
	}
}

func TestClassesLookUpWithoutTakingIn(t *testing.T) {
	c := NewClasses(3)
	if _, ok := c.Lookup([]byte("a")); ok || c.Len() != 0 {
		t.Errorf("an empty dictionary has a, or took it in: %d names", c.Len())
	}
	c.Code([]byte("b"))
	if code, ok := c.Lookup([]byte("b")); !ok || code != 0 {
		t.Errorf("b is %d, %v, want 0, true", code, ok)
	}
}

func TestClassesKeepNamesOfReusedBytes(t *testing.T) {
	c, buffer := NewClasses(3), []byte("cat")
	c.Code(buffer)
	copy(buffer, "dog")
	if c.Name(0) != "cat" || c.Code(buffer) != 1 {
		t.Errorf("names %q, want cat to outlive its bytes", c.names)
	}
}
