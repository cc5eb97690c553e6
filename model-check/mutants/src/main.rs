//! Puts all mutants of a list into one copy of a crate, each behind a switch: `all-mutants LIST.json
//! COPY [SKIP...]`, where LIST is what `cargo mutants --list --json` prints, COPY holds the files that
//! it names, and SKIP are the numbers of mutants that do not compile. Prints two lists: the mutants that
//! found no place, and those that are not put in because they cannot compile.

use proc_macro2::{Ident, LineColumn, Span};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use syn::{
    Arm, BinOp, Block, Expr, ExprBinary, File, Stmt, parse_quote,
    spanned::Spanned,
    visit_mut::{self, VisitMut},
};

#[derive(Deserialize)]
struct Mutant {
    file: String,
    genre: String,
    replacement: String,
    span: Range,
}

#[derive(Deserialize)]
struct Range {
    start: Place,
}

#[derive(Deserialize, Clone, Copy)]
struct Place {
    line: usize,
    column: usize,
}

type Key = (&'static str, usize, usize);

struct Switches {
    all: BTreeMap<Key, Vec<(u32, String)>>,
    used: BTreeSet<u32>,
    /// Those that no compiler takes: `let` stands in a chain of `&&` only.
    refused: Vec<u32>,
}

impl Switches {
    fn take(&mut self, genre: &'static str, at: LineColumn) -> Vec<(u32, String)> {
        let found = self.all.remove(&(genre, at.line, at.column + 1)).unwrap_or_default();
        self.used.extend(found.iter().map(|(id, _)| *id));
        found
    }

    fn value(&mut self, block: &mut Block) {
        let Some(first) = block.stmts.first() else { return };
        let found = self.take("FnValue", first.span().start());
        for (id, replacement) in found.into_iter().rev() {
            let expr: Expr = syn::parse_str(&replacement).expect("an expression");
            block.stmts.insert(0, parse_quote!(if crate::mutant(#id) { return #expr; }));
        }
    }
}

fn has_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(it) if matches!(it.op, BinOp::And(_) | BinOp::Or(_)) => {
            has_let(&it.left) || has_let(&it.right)
        }
        _ => false,
    }
}

/// A comparison or an arithmetic operation, with each of its mutants.
fn binary(it: &ExprBinary, found: &[(u32, String)]) -> Expr {
    let (left, op, right) = (&it.left, &it.op, &it.right);
    let is_compared = matches!(
        op,
        BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_)
    );
    let mut chain: Expr = if is_compared {
        parse_quote!(*mutant_l #op *mutant_r)
    } else {
        parse_quote!(#left #op #right)
    };
    for (id, replacement) in found {
        let other: BinOp = syn::parse_str(replacement).expect("an operator");
        chain = if is_compared {
            parse_quote!(if crate::mutant(#id) { *mutant_l #other *mutant_r } else { #chain })
        } else {
            parse_quote!(if crate::mutant(#id) { #left #other #right } else { #chain })
        };
    }
    if is_compared {
        // Temporaries live as long as the statement.
        parse_quote!({ match (&(#left), &(#right)) { (mutant_l, mutant_r) => #chain } })
    } else {
        parse_quote!({ #chain })
    }
}

/// A chain of one lazy operator, `a && b && c`: its word, its operands, and where each operator is.
struct Lazy {
    word: &'static str,
    operands: Vec<Expr>,
    places: Vec<LineColumn>,
}

impl Lazy {
    fn of(expr: &Expr) -> Option<Self> {
        let Expr::Binary(it) = expr else { return None };
        let word = match it.op {
            BinOp::And(_) => "&&",
            BinOp::Or(_) => "||",
            _ => return None,
        };
        if has_let(expr) {
            return None;
        }
        let same = Self::of(&it.left).filter(|left| left.word == word);
        let first = || Self { word, operands: vec![(*it.left).clone()], places: Vec::new() };
        let mut chain = same.unwrap_or_else(first);
        chain.operands.push((*it.right).clone());
        chain.places.push(it.op.span().start());
        Some(chain)
    }

    /// The chain with each of its mutants, at the place of an operator. In a mutant the operators bind
    /// as they do in its text: of `a && b && c` one is `a || (b && c)`.
    fn with(self, mutants: &[(usize, u32, String)]) -> Expr {
        let text = |replaced: Option<(usize, &str)>| {
            let mut text = "mutant_0()".to_owned();
            for place in 0..self.places.len() {
                let op = replaced.filter(|(at, _)| *at == place).map_or(self.word, |(_, op)| op);
                text += &format!(" {op} mutant_{}()", place + 1);
            }
            syn::parse_str::<Expr>(&text).expect("a chain")
        };
        let mut chain = text(None);
        for (place, id, replacement) in mutants {
            let other = text(Some((*place, replacement)));
            chain = parse_quote!(if crate::mutant(#id) { #other } else { #chain });
        }
        let lets = self.operands.iter().enumerate().map(|(no, operand)| -> Stmt {
            let name = Ident::new(&format!("mutant_{no}"), Span::call_site());
            parse_quote!(let mut #name = || #operand;)
        });
        let mut block: Block = parse_quote!({ #chain });
        block.stmts.splice(0..0, lets);
        parse_quote!(#block)
    }
}

/// The chain as it stands, with its operands as they are now.
fn put_back(expr: &mut Expr, mut operands: Vec<Expr>) {
    let Some(right) = operands.pop() else { return };
    match expr {
        Expr::Binary(it) if !operands.is_empty() => {
            *it.right = right;
            put_back(&mut it.left, operands);
        }
        first => *first = right,
    }
}

impl VisitMut for Switches {
    fn visit_item_fn_mut(&mut self, it: &mut syn::ItemFn) {
        let before = self.used.len();
        self.value(&mut it.block);
        visit_mut::visit_item_fn_mut(self, it);
        if !["guard", "scope", "once", "each"].contains(&it.sig.ident.to_string().as_str())
            || self.used.len() > before
        {
            it.sig.constness = None;
        }
    }

    fn visit_impl_item_fn_mut(&mut self, it: &mut syn::ImplItemFn) {
        self.value(&mut it.block);
        it.sig.constness = None;
        visit_mut::visit_impl_item_fn_mut(self, it);
    }

    fn visit_arm_mut(&mut self, arm: &mut Arm) {
        let found = match &arm.guard {
            Some((_, guard)) => self.take("MatchArmGuard", guard.span().start()),
            None => Vec::new(),
        };
        visit_mut::visit_arm_mut(self, arm);
        if let Some((_, guard)) = &mut arm.guard {
            for (id, replacement) in found {
                let old = guard.clone();
                **guard = if replacement == "true" {
                    parse_quote!((crate::mutant(#id) || (#old)))
                } else {
                    parse_quote!((!crate::mutant(#id) && (#old)))
                };
            }
        }
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if let Some(mut chain) = Lazy::of(expr) {
            chain.operands.iter_mut().for_each(|operand| self.visit_expr_mut(operand));
            let mut mutants = Vec::new();
            for (no, at) in chain.places.iter().enumerate() {
                let found = self.take("BinaryOperator", *at);
                mutants.extend(found.into_iter().map(|(id, replacement)| (no, id, replacement)));
            }
            if mutants.is_empty() {
                put_back(expr, chain.operands);
            } else {
                *expr = chain.with(&mutants);
            }
            return;
        }
        let (op, unary) = match expr {
            Expr::Binary(it) => (Some(it.op.span().start()), None),
            Expr::Unary(it) => (None, Some(it.op.span().start())),
            _ => (None, None),
        };
        let fields: Vec<LineColumn> = match expr {
            Expr::Struct(it) if it.rest.is_some() => {
                it.fields.iter().map(|field| field.span().start()).collect()
            }
            _ => Vec::new(),
        };
        visit_mut::visit_expr_mut(self, expr);
        if let (Some(at), Expr::Binary(it)) = (op, &*expr) {
            let found = self.take("BinaryOperator", at);
            if has_let(&it.left) || has_let(&it.right) {
                self.refused.extend(found.iter().map(|(id, _)| *id));
                return;
            }
            if !found.is_empty() {
                *expr = binary(it, &found);
            }
        } else if let Some(at) = unary {
            for (id, _) in self.take("UnaryOperator", at) {
                let old = expr.clone();
                *expr = parse_quote!((crate::mutant(#id) ^ (#old)));
            }
        } else if let Expr::Struct(whole) = &*expr {
            let whole = whole.clone();
            let mut chain: Expr = Expr::Struct(whole.clone());
            for (index, at) in fields.into_iter().enumerate() {
                for (id, _) in self.take("StructField", at) {
                    let mut less = whole.clone();
                    less.fields = whole
                        .fields
                        .iter()
                        .enumerate()
                        .filter(|(no, _)| *no != index)
                        .map(|(_, it)| it.clone())
                        .collect();
                    if !less.fields.empty_or_trailing() {
                        less.fields.push_punct(Default::default());
                    }
                    chain = parse_quote!(if crate::mutant(#id) { #less } else { #chain });
                }
            }
            if !matches!(chain, Expr::Struct(_)) {
                *expr = parse_quote!({ #chain });
            }
        }
    }
}

fn genre(word: &str) -> &'static str {
    match word {
        "FnValue" => "FnValue",
        "BinaryOperator" => "BinaryOperator",
        "UnaryOperator" => "UnaryOperator",
        "MatchArmGuard" => "MatchArmGuard",
        "StructField" => "StructField",
        other => panic!("{other}: a genre that is not known"),
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let list = std::fs::read_to_string(args.next().expect("LIST")).expect("the list");
    let copy = args.next().expect("COPY");
    let skipped: BTreeSet<u32> = args.map(|word| word.parse().expect("a number")).collect();
    let mutants: Vec<Mutant> = serde_json::from_str(&list).expect("a list of mutants");
    let mut files: BTreeMap<&str, BTreeMap<Key, Vec<(u32, String)>>> = BTreeMap::new();
    for (id, mutant) in (1_u32..).zip(&mutants) {
        let at = mutant.span.start;
        let key = (genre(&mutant.genre), at.line, at.column);
        let of_file = files.entry(&mutant.file).or_default();
        if !skipped.contains(&id) {
            of_file.entry(key).or_default().push((id, mutant.replacement.clone()));
        }
    }
    let (mut unused, mut refused) = (Vec::new(), Vec::new());
    for (file, all) in files {
        let path = Path::new(&copy).join(file);
        let text = std::fs::read_to_string(&path).expect(file);
        let mut tree: File = syn::parse_file(&text).expect(file);
        let mut switches = Switches { all, used: BTreeSet::new(), refused: Vec::new() };
        switches.visit_file_mut(&mut tree);
        unused.extend(switches.all.values().flatten().map(|(id, _)| *id));
        refused.append(&mut switches.refused);
        std::fs::write(&path, prettyplease::unparse(&tree)).expect(file);
    }
    unused.sort_unstable();
    println!("{}", serde_json::to_string(&[unused, refused]).expect("numbers"));
}
