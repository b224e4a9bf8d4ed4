//! Who is the same child: pure decisions.
