using FsCheck;
using FsCheck.Fluent;
using Paging.Tests.Files;

namespace Paging.Tests.Model;

/// <summary>Any sequence of operations leaves in arrays that are mapped from files what it leaves in arrays that those were read to, and the files as
/// they were.</summary>
public class MappedProperties
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Mapped_arrays_hold_what_plain_arrays_hold(int backgroundThreads) =>
        Seeded.Check(20, Script.Mapped(Script.Roomy(backgroundThreads)), Script.Shrink, script => ScriptRun.Execute(script, loaded: false));

    [Theory]
    [InlineData(typeof(byte), 0)]
    [InlineData(typeof(Stress.Driver.Particle), 1)]
    public void One_mapped_array_holds_what_a_plain_array_holds(Type element, int backgroundThreads) =>
        Seeded.Check(10, Script.Mapped(Script.Roomy(backgroundThreads, element)), Script.Shrink, script => ScriptRun.Execute(script, loaded: false));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_pool_near_full_refuses_no_page_of_a_file(int backgroundThreads) =>
        Seeded.Check(10, Script.Mapped(Script.Tight(backgroundThreads)), Script.Shrink, script => ScriptRun.Execute(script, loaded: true));

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void What_is_written_goes_to_swap_files_and_comes_back(int backgroundThreads) =>
        Seeded.Check(
            8,
            Script.Mapped(Script.Large(backgroundThreads, fits: true)),
            Script.Shrink,
            script => ScriptRun.Execute(script, loaded: true, Held.File(bytes: 32 << 20)));

    /// <summary>Rows of any length at any offset, gathered in any order, some of them changed.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Rows_of_a_mapped_matrix_are_gathered_as_they_lie_in_the_file(int backgroundThreads)
    {
        Gen<(int Columns, int Offset, int Rows, ulong Seed)> cases =
            from columns in Gen.Choose(1, 3_000)
            from offset in Gen.Choose(0, 9_000)
            from rows in Gen.Choose(1, 400)
            from seed in Gen.Choose(0, int.MaxValue)
            select (columns, offset, rows, (ulong)seed);
        Seeded.Check(25, cases, static _ => [], one => GatherRows(one.Columns, one.Offset, one.Rows, one.Seed, backgroundThreads));
    }

    private static void GatherRows(int columns, int offset, int rows, ulong seed, int backgroundThreads)
    {
        var rng = new Stress.Driver.Rng(seed);
        using var directory = new Swap.Devices.TemporaryDirectory();
        var model = new byte[rows * columns];
        Stress.Driver.Content.Write(Stress.Driver.ContentKind.Noise, rng.Next(), model.AsSpan());
        string path = directory.In("rows");
        File.WriteAllBytes(path, [.. new byte[offset], .. model]);
        PagerOptions options = Held.Options(backgroundThreads);
        using var pager = new Pager(options);
        using PagedMatrix<byte> matrix = pager.MapFileMatrix<byte>(path, columns, offset);
        Assert.Equal((rows, columns), (matrix.Rows, matrix.Columns));
        for (int round = 0; round < 6; round++)
        {
            long[] wanted = [.. Enumerable.Range(0, 1 + (int)rng.Next(200L)).Select(_ => rng.Next((long)rows))];
            var seen = new byte[wanted.Length * columns];
            matrix.Gather(wanted, seen);
            for (int i = 0; i < wanted.Length; i++)
            {
                if (!seen.AsSpan(i * columns, columns).SequenceEqual(model.AsSpan((int)wanted[i] * columns, columns)))
                    Assert.Fail($"Row {wanted[i]} is another.");
            }

            int changed = (int)rng.Next((long)rows);
            using (WriteLease<byte> lease = matrix.WriteRow(changed))
            {
                Stress.Driver.Content.Write(Stress.Driver.ContentKind.Noise, rng.Next(), lease.Span);
                lease.Span.CopyTo(model.AsSpan(changed * columns));
            }
        }

        Assert.True(File.ReadAllBytes(path).AsSpan(0, offset).IndexOfAnyExcept((byte)0) < 0, "the file has changed");
    }
}
