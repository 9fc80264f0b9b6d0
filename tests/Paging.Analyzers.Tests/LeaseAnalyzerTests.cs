namespace Paging.Analyzers.Tests;

/// <summary>Every wrong use of a table is found, and no right one is.</summary>
public sealed class LeaseAnalyzerTests
{
    public static TheoryData<string> RightUses() =>
    [
        "using var l = a.Read(0); Use(l.Span);",
        "using ReadLease<int> l = a.Read(0, 5); Use(l.Span);",
        "using ReadLease<int> l = a.Read(0), k = a.Read(1); Use(l.Span); Use(k.Span);",
        "using (a.Write(0)) { }",
        "using (var l = a.Write(0)) { l.Span[0] = 1; if (c) return; throw new Exception(); }",
        "using (WriteLease<float> row = m.WriteRow(0)) { row.Span.Fill(1); }",
        "var l = a.Read(0); try { Use(l.Span); } finally { l.Dispose(); }",
        "ReadLease<int> l = default; try { l = a.Read(0); Use(l.Span); } finally { l.Dispose(); }",
        "var l = a.Read(0); l.Dispose();",
        "var l = a.Read(0); int x = l.Span[0]; l.Dispose(); Console.WriteLine(x);",
        "a.Read(0).Dispose();",
        "a.Read(0, 3).Dispose(); m.ReadRow(2).Dispose();",
        "if (a.TryRead(0, out ReadLease<int> l)) { using (l) { Use(l.Span); } }",
        "if (a.TryRead(0, out var l)) { using var own = l; Use(own.Span); }",
        "if (a.TryRead(0, out var l)) { try { Use(l.Span); } finally { l.Dispose(); } }",
        "if (!a.TryRead(0, out var l)) return; using (l) { Use(l.Span); }",
        "if (!a.TryRead(0, out var l)) { Console.WriteLine(); return; } using ReadLease<int> own = l; Use(own.Span);",
        "bool seen = !a.TryRead(0, out var l) || l.Span.Length > 0; l.Dispose();",
        "bool seen = a.TryRead(0, out var l) && l.Span.Length > 0; l.Dispose();",
        "for (int i = 0; i < 9; i++) { bool seen = !a.TryRead(i, out var l) || l.Span.Length > 0; l.Dispose(); }",
        "using (var one = a.Read(1)) { bool seen = !a.TryRead(0, out var l) || l.Span.Length > 0; l.Dispose(); }",
        "for (int i = 0; i < 9; i++) { using var one = a.Read(1); bool seen = !a.TryRead(i, out var l) || l.Span.Length > 0; l.Dispose(); }",
        "for (int i = 0; i < 9; i++) { using var one = a.Read(1); a.TryRead(i, out var l); l.Dispose(); }",
        "bool ok = a.TryRead(0, out var l); if (ok) { using (l) Use(l.Span); }",
        "bool ok = a.TryRead(0, out var l); if (!ok) return; using (l) Use(l.Span);",
        "a.TryRead(0, out var l); using (l) { Use(l.Span); }",
        "if (c && a.TryRead(0, out var l)) { using (l) { Use(l.Span); } }",
        "ReadLease<int> l; while (!a.TryRead(0, out l)) { } using (l) { Use(l.Span); }",
        "while (a.TryRead(0, out var l)) { using (l) { if (l.Span[0] == 0) continue; if (c) break; } }",
        "for (long i = 0; i < a.Length;) { using var l = a.Read(i); i += l.Span.Length; }",
        "for (long i = 0; i < 9; i++) { var l = a.Read(i); try { if (c) continue; } finally { l.Dispose(); } }",
        "foreach (int i in new[] { 1, 2 }) { using var l = a.Read(i); if (i == 1) break; }",
        "using var l = c ? a.Read(0) : a.Read(1); Use(l.Span);",
        "using var l = c ? a.Read(0) : default; Use(l.Span);",
        "using var l = (a.Read(0)); Use(l.Span);",
        "ReadLease<int> l = default; using var k = a.Read(1); l = default; Use(k.Span);",
        "var l = a.Read(0); l.Dispose(); l = a.Read(1); l.Dispose();",
        "var l = a.Read(0); try { Use(l.Span); } catch { l.Dispose(); throw; } l.Dispose();",
        "var l = a.Read(0); try { if (c) { Use(l.Span); return; } Use(l.Span); } finally { l.Dispose(); }",
        "try { using var l = a.Read(0); Use(l.Span); } catch (Exception) { } finally { Console.WriteLine(); }",
        "try { try { using var l = a.Read(0); Use(l.Span); } finally { Console.WriteLine(); } } catch (InvalidOperationException) { }",
        "Take(a.Read(0));",
        "TakeWithUsing(a.Read(0));",
        "var l = a.Read(0); Take(l);",
        "var l = a.Read(0); Exchange(ref l);",
        "using var l = a.Read(0); Look(l); LookAtCopy(l); Use(l.Span.Slice(c ? 1 : 2));",
        "using var h = new Holder(a.Read(0));",
        "var l = a.Read(0); using var h = new Holder(l);",
        "var l = a.Read(0); switch (l.Span[0]) { case 1: l.Dispose(); break; default: l.Dispose(); return; }",
        "using var l = a.Read(0); using var k = a.Write(1); l.Span.CopyTo(k.Span);",
        "Action f = () => { using var l = a.Read(0); Use(l.Span); }; f();",
        "void F() { using var l = a.Read(0); Use(l.Span); } F();",
        "Func<long, int> f = i => { using var l = a.Read(i); return l.Span[0]; }; Console.WriteLine(f(0));",
        "using var own = Same(a.Read(0)); Use(own.Span);",
        "goto end; end: using (var l = a.Read(0)) { Use(l.Span); }",
        "lock (a) { using var l = a.Read(0); Use(l.Span); }",
        "var s = a[0]; a[1] = s; a.CopyTo(0, new int[3]);",
        "using var l = a.Read(0); var copy = l.Span.ToArray(); Array.Sort(copy);",
    ];

    /// <summary>Whole members.</summary>
    public static TheoryData<string> RightMembers() =>
    [
        "ReadLease<int> First(PagedArray<int> a) => a.Read(0);",
        "ReadLease<int> First(PagedArray<int> a) { return a.Read(0); }",
        "ReadLease<int> First(PagedArray<int> a) { var l = a.Read(0); return l; }",
        "ReadLease<int> First(PagedArray<int> a, bool c) => c ? a.Read(0) : a.Read(1);",
        "ReadLease<int> First(PagedArray<int> a, bool c) { if (c) { return default; } ReadLease<int> l = a.Read(0); return l; }",
        "void First(PagedArray<int> a, out ReadLease<int> l) { l = a.Read(0); }",
        "void First(PagedArray<int> a, out ReadLease<int> l) { var own = a.Read(0); l = own; }",
        "bool First(PagedArray<int> a, out ReadLease<int> l) => a.TryRead(0, out l);",
        "void Refill(PagedArray<int> a, ref ReadLease<int> l) { l.Dispose(); l = a.Read(0); }",
        "delegate ReadLease<int> D(PagedArray<int> a); D F() => a => a.Read(0);",
        "int Sum(PagedArray<int> a) { using var l = a.Read(0); int sum = 0; foreach (int x in l.Span) { sum += x; } return sum; }",
        "System.Collections.Generic.IEnumerable<int> All(PagedArray<int> a) { for (long i = 0; i < a.Length; i++) { int x; using (var l = a.Read(i)) { x = l.Span[0]; } yield return x; } }",
        "async System.Threading.Tasks.Task F(PagedArray<int> a) { { using var l = a.Read(0); Use(l.Span); } await System.Threading.Tasks.Task.Yield(); }",
        "int this[PagedArray<int> a] { get { using var l = a.Read(0); return l.Span[0]; } }",
    ];

    public static TheoryData<string> WrongUses() =>
    [
        "var l = [|a.Read(0)|]; Use(l.Span);",
        "var l = [|a.Read(0)|];",
        "ReadLease<int> l = [|a.Read(0, 3)|]; Use(l.Span);",
        "WriteLease<float> row = [|m.WriteRow(0)|]; row.Span.Fill(1);",
        "int x = [|a.Read(0)|].Span[0];",
        "Use([|a.Read(0)|].Span);",
        "[|a.Write(0)|].Span[0] = 1;",
        "[|a.Write(0)|].Span.Fill(1);",
        "[|a.Read(0)|];",
        "_ = [|a.Write(0)|];",
        "var l = [|a.Read(0)|]; if (c) return; l.Dispose();",
        "var l = [|a.Read(0)|]; if (l.Span[0] == 1) { return; } l.Dispose();",
        "var l = [|a.Read(0)|]; if (c) l.Dispose();",
        "var l = [|a.Read(0)|]; l = a.Read(1); l.Dispose();",
        "var l = [|a.Read(0)|]; l = default;",
        "var l = a.Read(0); l.Dispose(); l = [|a.Read(1)|];",
        "ReadLease<int> l = default; for (int i = 0; i < 3; i++) { l = [|a.Read(i)|]; } l.Dispose();",
        "for (int i = 0; i < 3; i++) { var l = [|a.Read(i)|]; Use(l.Span); }",
        "for (int i = 0; i < 3; i++) { var l = [|a.Read(i)|]; if (c) continue; l.Dispose(); }",
        "while (true) { var l = [|a.Read(0)|]; if (c) break; l.Dispose(); }",
        "if (a.TryRead(0, [|out ReadLease<int> l|])) { Use(l.Span); }",
        "if (a.TryRead(0, [|out var l|]) && c) { l.Dispose(); }",
        "if (!a.TryRead(0, [|out var l|])) return; Use(l.Span);",
        "a.TryRead(0, [|out _|]);",
        "if (a.TryRead(0, [|out var _|])) { }",
        "while (a.TryRead(0, [|out var l|])) { if (c) break; l.Dispose(); }",
        "bool ok = a.TryRead(0, [|out var l|]); if (!ok) { l.Dispose(); }",
        "try { var l = [|a.Read(0)|]; Use(l.Span); l.Dispose(); } catch { }",
        "try { var l = [|a.Read(0)|]; Use(l.Span); } finally { Console.WriteLine(); }",
        "var l = [|a.Read(0)|]; try { Use(l.Span); } finally { if (c) l.Dispose(); }",
        "Look([|a.Read(0)|]);",
        "LookAtCopy([|a.Read(0)|]);",
        "var l = [|a.Read(0)|]; Look(l); LookAtCopy(l);",
        "using var l = c ? a.Read(0) : default; var k = [|a.Read(1)|];",
        "var l = c ? [|a.Read(0)|] : [|a.Read(1)|]; Use(l.Span);",
        "var l = [|a.Read(0)|]; switch (l.Span[0]) { case 1: l.Dispose(); break; case 2: break; default: l.Dispose(); break; }",
        "Action f = () => { var l = [|a.Read(0)|]; Use(l.Span); }; f();",
        "void F() { var l = [|a.Read(0)|]; Use(l.Span); } F();",
        "Func<int> f = () => [|a.Read(0)|].Span[0]; f();",
        "var l = [|a.Read(0)|]; using var k = a.Read(1); l.Span.CopyTo(new int[9]);",
        "Use(c ? [|a.Read(0)|].Span : default);",
        "var span = [|a.Read(0)|].Span; Use(span);",
        "var l = [|Same(a.Read(0))|];",
    ];

    public static TheoryData<string> WrongOnException() =>
    [
        "var l = {|PAGING002:a.Read(0)|}; Use(l.Span); l.Dispose();",
        "Console.WriteLine(!a.TryRead(0, {|PAGING002:out var l|}) || l.Span.Length > 0); l.Dispose();",
        "for (int i = 0; i < 9; i++) { using var one = a.Read(1); Console.WriteLine(!a.TryRead(0, {|PAGING002:out var l|}) || l.Span.Length > 0); l.Dispose(); }",
        "True(!a.TryRead(0, {|PAGING002:out var l|}) || l.Span.Length > 0); l.Dispose(); static void True(bool? x) { }",
        "False(!a.TryRead(0, {|PAGING002:out var l|}) || l.Span.Length > 0); l.Dispose(); static void False([System.Diagnostics.CodeAnalysis.DoesNotReturnIf(false)] bool? x) { }",
        "using var p = new Pager(); using var b = p.Allocate<int>(9); new System.Threading.Thread(() => { for (int i = 0; i < 9; i++) { using var one = b.Read(1); Console.WriteLine(!b.TryRead(0, {|PAGING002:out ReadLease<int> l|}) || l.Span.Length > 0); l.Dispose(); } });",
        "Action<int> f = t => { for (int i = 0; i < 9; i++) { using var one = a.Read(1); using var two = a.Write(t); Console.WriteLine(!a.TryRead(0, {|PAGING002:out ReadLease<int> l|}) || l.Span.Length > 0); l.Dispose(); } }; f(1);",
        "var l = {|PAGING002:a.Read(0)|}; if (c) throw new Exception(); l.Dispose();",
        "var l = {|PAGING002:a.Read(0)|}; Console.WriteLine(); l.Dispose(); if (c) return;",
        "var l = {|PAGING002:a.Read(0)|}; var k = a.Read(1); l.Dispose(); k.Dispose();",
        "if (a.TryRead(0, {|PAGING002:out var l|})) { Use(l.Span); l.Dispose(); }",
        "var l = {|PAGING002:a.Read(0)|}; try { Use(l.Span); } catch (InvalidOperationException) { } l.Dispose();",
        "try { var l = {|PAGING002:a.Read(0)|}; Use(l.Span); l.Dispose(); } finally { Console.WriteLine(); }",
    ];

    [Theory]
    [MemberData(nameof(RightUses))]
    public Task Right_uses_are_no_complaint(string body) => Lease.Check(body);

    [Theory]
    [MemberData(nameof(RightMembers))]
    public Task Nor_are_leases_that_are_handed_on(string member) => Lease.Check(member, isMembers: true);

    /// <summary>Each is a try within another.</summary>
    [Fact]
    public Task Many_usings_in_one_body_are_no_harder() => Lease.Check(string.Join(
        '\n', Enumerable.Range(0, 200).Select(static i => $"using var l{i} = a.Read({i}); using var s{i} = new System.IO.MemoryStream(); Use(l{i}.Span);")));

    [Theory]
    [MemberData(nameof(WrongUses))]
    public Task Wrong_uses_are_found(string body) => Lease.Check(
        body.Replace("[|", "{|PAGING001:", StringComparison.Ordinal).Replace("|]", "|}", StringComparison.Ordinal));

    [Theory]
    [MemberData(nameof(WrongOnException))]
    public Task A_dispose_that_an_exception_skips_is_said_more_quietly(string body) => Lease.Check(body);
}
