using System.Runtime.CompilerServices;
using Paging.Stress.Driver;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices;

namespace Paging.Tests.Face;

/// <summary>Items that do not divide a page leave its last bytes unused: those are not stored, and take nothing from the pool.</summary>
public class PaddingTests
{
    [Fact]
    public void A_pool_holds_rows_and_not_what_is_behind_them()
    {
        const int Columns = 4209, RowBytes = Columns * sizeof(float), PoolBytes = 32 << 20;    // a row is a little over half a page of 32 KiB
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = 1 << 20,
            PoolBytes = PoolBytes,
            Compression = CompressionGoal.None,
            BackgroundThreads = 0,
        });
        using PagedMatrix<float> matrix = pager.AllocateMatrix<float>(4000, Columns);
        int held = 0;
        try
        {
            for (; held < matrix.Rows; held++)
            {
                using WriteLease<float> row = matrix.WriteRow(held);
                Content.Write(ContentKind.Noise, (ulong)held, row.Span);
            }
        }
        catch (OutOfPagingSpaceException)
        {
            // Full.
        }

        PagerStatistics now = pager.GetStatistics();
        Assert.Equal(now.IncompressiblePages * RowBytes, now.PoolLogicalBytes);
        Assert.Equal(now.PoolLogicalBytes, now.PoolStoredBytes);
        Assert.InRange(now.PoolStoredBytes, (long)(0.85 * PoolBytes), PoolBytes);
        Assert.InRange(held, (int)(0.85 * PoolBytes / RowBytes), (PoolBytes + (1 << 20)) / RowBytes);
        var expected = new float[Columns];
        for (int row = 0; row < held; row++)
        {
            Content.Write<float>(ContentKind.Noise, (ulong)row, expected);
            using ReadLease<float> lease = matrix.ReadRow(row);
            Assert.Equal(-1, Content.FirstDifference<float>(expected, lease.Span));
        }
    }

    [Theory]
    [InlineData(CompressionGoal.None)]
    [InlineData(CompressionGoal.Speed)]
    [InlineData(CompressionGoal.Balanced)]
    [InlineData(CompressionGoal.Ratio)]
    public void What_an_array_has_stored_decodes_to_its_elements_and_no_more(CompressionGoal goal)
    {
        Check<Pixel>();
        Check<Vector>();
        Check<Particle>();
        Check<int>();

        void Check<T>() where T : unmanaged
        {
            foreach (int tail in (int[])[1, 2, 7, 100])
            {
                using var pager = new Pager(new PagerOptions
                {
                    ResidentBytes = 8 * 4096,
                    PoolBytes = 2 << 20,
                    PageBytes = 4096,
                    Compression = goal,
                    BackgroundThreads = 0,
                });
                var plain = new T[(24 * (4096 / Unsafe.SizeOf<T>())) + tail];
                Content.Write<T>(ContentKind.Noise, 3, plain);
                Content.Write(ContentKind.Text, 4, plain.AsSpan(0, plain.Length / 2));
                using PagedArray<T> array = pager.From<T>(plain);
                ReadAll(array, plain);
                Internals.PageOutAll(Internals.Domain(pager));

                // By now each page has been evicted, and clean ones keep their copies.
                PagerStatistics now = pager.GetStatistics();
                long patterns = now.SameFilledPages == 0 ? 0 : tail * Unsafe.SizeOf<T>();    // the short last page
                Assert.InRange(now.SameFilledPages, 0, tail * Unsafe.SizeOf<T>() <= 16 ? 1 : 0);
                Assert.Equal(((long)plain.Length * Unsafe.SizeOf<T>()) - patterns, now.PoolLogicalBytes);
                ReadAll(array, plain);
                Assert.Equal(0, pager.GetStatistics().CorruptedPages);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Pages_with_padding_come_back_from_swap_files(bool encrypt)
    {
        using var directory = new TemporaryDirectory();
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = 16 * 4096,
            PoolBytes = 1 << 20,
            PageBytes = 4096,
            BackgroundThreads = 0,
            SwapFiles = [new SwapFileOptions { Path = directory.Path, Bytes = 8 << 20, Encrypt = encrypt }],
        });
        var plain = new Vector[(3 << 20) / Unsafe.SizeOf<Vector>()];
        Content.Write<Vector>(ContentKind.Noise, 5, plain);
        using PagedArray<Vector> array = pager.From<Vector>(plain);
        ReadAll(array, plain);
        Assert.NotEqual(0, pager.GetStatistics().FaultsFromFile);
        Assert.Equal(0, pager.GetStatistics().CorruptedPages);
    }

    private static void ReadAll<T>(PagedArray<T> array, T[] plain) where T : unmanaged
    {
        for (long start = 0; start < array.Length; start += array.PageLength)
        {
            using ReadLease<T> lease = array.Read(start);
            Assert.Equal(-1, Content.FirstDifference(plain.AsSpan((int)start, lease.Span.Length), lease.Span));
        }
    }

    private readonly record struct Pixel(byte R, byte G, byte B);
}
