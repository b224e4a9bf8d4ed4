//! What a child record is: types that cannot hold nonsense.
