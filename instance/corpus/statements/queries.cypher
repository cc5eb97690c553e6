CREATE (n:Number {value: 1});
CREATE (:A:B {x: 1.5, s: 'it\'s', l: [1, null, 'a'], m: {k: true}}) // a comment
CREATE (a:P {n: 'a'})-[r:KNOWS {since: 2020}]->(b:P)<-[:LIKES]-(c:P) RETURN a, r, c
MATCH (n) RETURN n;
MATCH (n) RETURN count(n);
MATCH (n) DETACH DELETE n;
MATCH (n:A {x: $x})-[r:R|S]->(m) WHERE n.id >= 3 AND NOT m.k IS NULL OR n.s STARTS WITH 'a' RETURN DISTINCT n.id AS id, collect(m.k) ORDER BY id DESC SKIP 1 LIMIT 10
MATCH (a), (b:B) WHERE a.k <> b.k AND a:A XOR b.k IN [1, 2] RETURN a.k + b.k, a.l[0], a.l[1..2], {x: a.k}.x
MATCH p = (a)--(b) RETURN p, length(p), nodes(p), relationships(p)
OPTIONAL MATCH (n:Nobody) RETURN n, coalesce(n.x, 0), labels(n), keys(n), properties(n)
MATCH (n) WITH n.k AS k, count(*) AS c WHERE c > 1 RETURN k, c, sum(c), avg(c), min(k), max(k)
UNWIND range(0,9) AS i CREATE({id:i});
UNWIND $rows AS row MERGE (n:M {k: row.k}) ON CREATE SET n += row ON MATCH SET n.seen = true, n:Seen
MATCH (n:A {x: 1}) SET n.a = n.a + 1, n += {b: null}, n:L:M REMOVE n.c, n:X
MATCH (a)-[r]->(b) DELETE r, b
RETURN 1 + 2 * 3 - 4 / 5 % 6 ^ 7, -1, - -1, 1e3, 0x1F, .5, "\u00e9", `quoted`, $`param`
RETURN CASE WHEN 1 < 2 THEN 'a' ELSE 'b' END, CASE 1 WHEN 1 THEN 2 END
RETURN datetime(), localdatetime('2024-01-01T00:00:00'), date(), timestamp(), duration('PT1H')
WITH 1 AS a, [1, [2, [3]]] AS b RETURN *, size(b), head(b), last(b), toString(a), toInteger('1'), toFloat('1')
/* a comment */ match (n) return n.x as `a b`, id(n), type(null)
