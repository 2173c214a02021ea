//! BLAKE3 of a growing file, in subtrees of 1 MiB whose own hashes can be kept.
//!
//! BLAKE3 is a binary tree over chunks, so the hash of each aligned MiB (its chaining value) is a
//! node of the tree of the whole file: keeping those 32 bytes per MiB costs no second hashing, and
//! a broken upload can be verified MiB by MiB. Section 2.1 of the BLAKE3 paper defines the tree.
//!
//! The state is constant: one node per level, at most 34 for the largest file, and one hasher. It
//! knows nothing of files.

use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};
use colok_proto::files::Hash;

/// Bytes of a subtree: a power of two of BLAKE3's chunks (1 KiB). 1 MiB keeps the log of a 1 TiB
/// file at 32 MiB, and a body given up to its border is still in the cache when it is written.
pub const SUBTREE_BYTES: u64 = 1 << 20;

/// The hash of a file that comes piece by piece.
#[derive(Clone)]
pub struct TreeHash {
    /// The hashes of whole left parts of the tree, largest first: one per 1 in the binary form of
    /// the number of subtrees behind the hasher.
    nodes: Vec<ChainingValue>,
    /// How many whole subtrees lie before the one that the hasher is in.
    subtrees: u64,
    /// The subtree that grows. A full one stays here until more comes: only then is it known not
    /// to be the root.
    growing: Box<Hasher>,
}

impl std::fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TreeHash").field("length", &self.length()).finish_non_exhaustive()
    }
}

impl Default for TreeHash {
    fn default() -> Self {
        Self { nodes: Vec::new(), subtrees: 0, growing: Box::new(Hasher::new()) }
    }
}

impl TreeHash {
    /// How many bytes were hashed.
    pub fn length(&self) -> u64 {
        self.subtrees * SUBTREE_BYTES + self.growing.count()
    }

    /// How many bytes until a subtree ends: 1 to [`SUBTREE_BYTES`].
    pub fn until_border(&self) -> u64 {
        match SUBTREE_BYTES - self.growing.count() {
            0 => SUBTREE_BYTES,
            rest => rest,
        }
    }

    /// Hashes what comes next. `ended` is called for every subtree that is now whole, with its
    /// number and its chaining value.
    pub fn update(&mut self, mut bytes: &[u8], mut ended: impl FnMut(u64, &ChainingValue)) {
        while !bytes.is_empty() {
            if self.growing.count() == SUBTREE_BYTES {
                self.fold();
            }
            let room = SUBTREE_BYTES - self.growing.count();
            let taken = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(taken);
            self.growing.update(now);
            bytes = later;
            if self.growing.count() == SUBTREE_BYTES {
                ended(self.subtrees, &self.growing.finalize_non_root());
            }
        }
    }

    /// The hash of everything so far.
    pub fn hash(&self) -> Hash {
        let Some((first, rest)) = self.nodes.split_first() else {
            return Hash(*self.growing.finalize().as_bytes());
        };
        // `growing` is not empty here: a subtree is folded only when more comes.
        let mut right = self.growing.finalize_non_root();
        for left in rest.iter().rev() {
            right = merge_subtrees_non_root(left, &right, Mode::Hash);
        }
        Hash(*merge_subtrees_root(first, &right, Mode::Hash).as_bytes())
    }

    /// Moves the whole growing subtree among the nodes, merging what is complete. More follows, so
    /// nothing that is merged here is the root.
    fn fold(&mut self) {
        let mut node = self.growing.finalize_non_root();
        self.subtrees += 1;
        let mut pairs = self.subtrees;
        while pairs.is_multiple_of(2) {
            let Some(left) = self.nodes.pop() else { break };
            node = merge_subtrees_non_root(&left, &node, Mode::Hash);
            pairs /= 2;
        }
        self.nodes.push(node);
        // Not `reset`: that keeps the old offset and then finds itself at a negative place.
        *self.growing = Hasher::new();
        self.growing.set_input_offset(self.subtrees * SUBTREE_BYTES);
    }
}

/// The hash of bytes that are all here.
pub fn hash_of(bytes: &[u8]) -> Hash {
    Hash(*blake3::hash(bytes).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(length: usize) -> Vec<u8> {
        let byte = |index: usize| (index.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0];
        (0..length).map(byte).collect()
    }

    /// Sizes around every border: chunk, subtree, powers of two of subtrees.
    fn sizes() -> Vec<usize> {
        let mib = 1 << 20;
        let mut sizes = vec![0, 1, 1023, 1024, 1025, 65_536, mib / 2 + 7, 3 * mib + 5];
        for subtrees in [1, 2, 3, 4, 5, 7, 8] {
            sizes.extend([subtrees * mib - 1, subtrees * mib, subtrees * mib + 1]);
        }
        sizes
    }

    #[test]
    fn equals_blake3_at_every_border_and_in_every_cut() {
        let bytes = pattern(9 << 20);
        for size in sizes() {
            let expected = hash_of(&bytes[..size]);
            for piece in [size.max(1), 1 << 20, 700_001, 65_536] {
                let mut tree = TreeHash::default();
                for part in bytes[..size].chunks(piece) {
                    tree.update(part, |_, _| {});
                }
                assert_eq!(tree.length(), size as u64);
                assert_eq!(tree.hash(), expected, "{size} bytes in pieces of {piece}");
            }
        }
    }

    #[test]
    fn tells_each_subtree_once_and_by_its_own_hash() {
        let bytes = pattern((3 << 20) + 5);
        let mut told = Vec::new();
        let mut tree = TreeHash::default();
        for part in bytes.chunks(300_000) {
            tree.update(part, |number, value| told.push((number, *value)));
        }
        let expected: Vec<_> = (0..3)
            .map(|number: u64| {
                let start = usize::try_from(number << 20).unwrap();
                let mut hasher = Hasher::new();
                hasher.set_input_offset(number << 20).update(&bytes[start..start + (1 << 20)]);
                (number, hasher.finalize_non_root())
            })
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn the_hash_of_every_prefix_can_be_asked_on_the_way() {
        let bytes = pattern((2 << 20) + 3);
        let mut tree = TreeHash::default();
        let mut at = 0;
        for part in bytes.chunks(524_288) {
            tree.update(part, |_, _| {});
            at += part.len();
            assert_eq!(tree.hash(), hash_of(&bytes[..at]));
        }
    }

    #[test]
    fn borders_are_told_ahead() {
        let mut tree = TreeHash::default();
        assert_eq!(tree.until_border(), SUBTREE_BYTES);
        tree.update(&[0; 100], |_, _| {});
        assert_eq!(tree.until_border(), SUBTREE_BYTES - 100);
        tree.update(&pattern((1 << 20) - 100), |_, _| {});
        assert_eq!(tree.until_border(), SUBTREE_BYTES);
    }
}
