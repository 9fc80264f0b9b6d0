using System.IO.Hashing;
using System.Runtime.InteropServices;
using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.Stress.Driver;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Codecs;

/// <summary>What a policy makes of the pages of an array as they come: when it tries, what it chooses, what that costs.</summary>
public sealed unsafe class CompressionPolicyTests
{
    private const int PageBytes = 4 << 10;

    [Theory]
    [InlineData(CompressionGoal.Speed)]
    [InlineData(CompressionGoal.Balanced)]
    [InlineData(CompressionGoal.Ratio)]
    public void Most_pages_of_a_long_run_of_noise_are_stored_without_a_try(CompressionGoal goal)
    {
        const int Pages = 3000;
        using var target = new Target(PageBytes);
        var policy = new CompressionPolicy(4, goal, filter: null);
        byte[] noise = Noise(1);
        int tried = 0;
        for (int i = 0; i < Pages; i++)
        {
            tried += Internals.Untried(policy) == 0 ? 1 : 0;
            Assert.Equal(Codec.Raw, target.Encode(policy, noise).Codec);
        }

        Assert.InRange(tried, 8, Pages / 8);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    [InlineData(1000)]
    [InlineData(6000)]
    public void Pages_that_shrink_are_found_again_behind_a_run_of_noise(int run)
    {
        const int MostMissed = 32;
        using var target = new Target(PageBytes);
        var policy = new CompressionPolicy(1, CompressionGoal.Balanced, filter: null);
        byte[] noise = Noise(1), text = Text(1);
        for (int i = 0; i < run; i++)
            target.Encode(policy, noise);
        int missed = 0;
        while (target.Encode(policy, text).Codec == Codec.Raw)
            Assert.True(++missed <= MostMissed, $"{missed} pages of text are stored raw");
        for (int i = 0; i < 100; i++)
            Assert.NotEqual(Codec.Raw, target.Encode(policy, text).Codec);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(8)]
    public void No_filter_is_chosen_for_the_fast_faults_of_pages_that_it_does_not_shrink(int elementBytes)
    {
        using var target = new Target(PageBytes);
        var policy = new CompressionPolicy(elementBytes, CompressionGoal.Speed, filter: null);
        for (int i = 0; i < 200; i++)
            Assert.Equal(Codec.Lz4, target.Encode(policy, Text(i)).Codec);
    }

    [Fact]
    public void Nothing_is_tried_for_no_compression()
    {
        using var target = new Target(PageBytes);
        var policy = new CompressionPolicy(1, CompressionGoal.None, filter: null);
        for (int i = 0; i < 100; i++)
            Assert.Equal(StoredForm.Raw with { StaysAsIs = true }, target.Encode(policy, Text(i)));
        Assert.Equal(0, policy.Chooser!.TriedBytes);
        policy.Goal = CompressionGoal.Ratio;
        Assert.Equal(Codec.Zstd, target.Encode(policy, Text(1)).Codec);
        policy.Goal = CompressionGoal.Speed;
        Assert.Equal((Codec.Lz4, true), Some(target.Encode(policy, Text(1))));
        policy.Goal = CompressionGoal.Balanced;
        Assert.Equal((Codec.Lz4, false), Some(target.Encode(policy, Text(1))));

        static (Codec, bool) Some(StoredForm form) => (form.Codec, form.StaysAsIs);
    }

    [Theory]
    [InlineData(PageFilter.None, 8, FilterKind.None, 1)]
    [InlineData(PageFilter.Shuffle, 8, FilterKind.Shuffle, 8)]
    [InlineData(PageFilter.Shuffle, 1, FilterKind.None, 1)]
    [InlineData(PageFilter.BitShuffle, 1, FilterKind.BitShuffle, 1)]
    [InlineData(PageFilter.BitShuffle, 28, FilterKind.BitShuffle, 28)]
    [InlineData(PageFilter.Delta, 12, FilterKind.DeltaShuffle, 12)]
    [InlineData(PageFilter.Delta, 1024, FilterKind.DeltaShuffle, 512)]
    [InlineData(PageFilter.Delta, 600, FilterKind.DeltaShuffle, 300)]
    [InlineData(PageFilter.Shuffle, 1031, FilterKind.None, 1)]
    internal void A_filter_that_is_asked_for_is_the_one_that_is_used(PageFilter asked, int elementBytes, FilterKind kind, int stride)
    {
        using var target = new Target(PageBytes);
        var policy = new CompressionPolicy(elementBytes, CompressionGoal.Ratio, asked);
        byte[] page = new byte[PageBytes];
        page.AsSpan().Fill(3);
        page[100] = 5;
        for (int i = 0; i < 20; i++)
        {
            StoredForm form = target.Encode(policy, page);
            Assert.Equal((Codec.Zstd, kind, stride), (form.Codec, form.Filter.Kind, form.Filter.Stride));
        }

        Assert.Null(policy.Chooser);
    }

    /// <remarks>Text and ramps take about as much without a filter, so that it shows by trials alone that the data has changed.</remarks>
    [Fact]
    public void The_choice_follows_the_data()
    {
        const int Pages = 1000;
        const int Settled = 700;
        const CompressionGoal Goal = CompressionGoal.Balanced;
        using var target = new Target(PageBytes);
        byte[][] pages = [.. Enumerable.Range(0, 2 * Pages).Select(i => i < Pages ? Text(i) : Ramp(i))];
        var policy = new CompressionPolicy(8, Goal, filter: null);
        for (int i = 0; i < Pages; i++)
            target.Encode(policy, pages[i]);
        Assert.Equal(FilterKind.None, policy.Filter.Kind);
        for (int i = Pages; i < Pages + Settled; i++)
            target.Encode(policy, pages[i]);
        Assert.NotEqual(FilterKind.None, policy.Filter.Kind);

        long chosen = Stored(policy, pages.AsSpan(Pages + Settled));
        long best = Enum.GetValues<PageFilter>().Min(
            filter => Stored(new CompressionPolicy(8, Goal, filter), pages.AsSpan(Pages + Settled)));

        // No more is tried on pages that take next to nothing, a thirty-second of themselves.
        long nothing = (Pages - Settled) * (long)PageBytes / 32;
        Assert.True(chosen <= Math.Max(best * 1.05, nothing), $"{chosen} bytes by choice ({policy.Filter}), {best} at best");

        long Stored(CompressionPolicy by, ReadOnlySpan<byte[]> some)
        {
            long sum = 0;
            foreach (byte[] page in some)
            {
                target.Encode(by, page);
                sum += target.Length;
            }

            return sum;
        }
    }

    [Theory]
    [InlineData(CompressionGoal.Speed)]
    [InlineData(CompressionGoal.Balanced)]
    [InlineData(CompressionGoal.Ratio)]
    public void The_first_page_of_numbers_is_stored_behind_a_filter(CompressionGoal goal)
    {
        using var target = new Target(PageBytes);
        var policy = new CompressionPolicy(8, goal, filter: null);
        Assert.NotEqual(FilterKind.None, target.Encode(policy, Ramp(1)).Filter.Kind);
        Assert.InRange(target.Length, 1, PageBytes / 8);
    }

    [Theory]
    [InlineData(4 << 10, 1, false)]
    [InlineData(4 << 10, 8, true)]
    [InlineData(16 << 10, 4, false)]
    [InlineData(16 << 10, 12, true)]
    [InlineData(64 << 10, 8, false)]
    [InlineData(64 << 10, 4, true)]
    public void Trying_costs_a_twentieth_of_what_is_encoded_at_most(int pageBytes, int elementBytes, bool mixed) => Seeded.Run(seed =>
    {
        const int Pages = 1000;
        var rng = new Rng(seed);
        byte[][] pages = [.. Enumerable.Range(0, 24).Select(i => mixed ? PageKinds.Any(ref rng, pageBytes) : Ramp(i, pageBytes))];
        using var target = new Target(pageBytes);
        foreach (CompressionGoal goal in (CompressionGoal[])[CompressionGoal.Speed, CompressionGoal.Balanced])
        {
            var policy = new CompressionPolicy(elementBytes, goal, filter: null);
            for (int i = 0; i < Pages; i++)
                target.Encode(policy, pages[rng.Next(pages.Length)]);
            Assert.InRange(policy.Chooser!.TriedBytes, 1, (long)Pages * pageBytes / 20);
        }
    });

    [Theory]
    [InlineData(CompressionGoal.Speed)]
    [InlineData(CompressionGoal.Balanced)]
    [InlineData(CompressionGoal.Ratio)]
    public void The_same_pages_are_stored_the_same_way(CompressionGoal goal) => Seeded.Run(seed =>
    {
        Assert.Equal(Run(), Run());

        ulong Run()
        {
            var rng = new Rng(seed);
            using var target = new Target(PageBytes);
            var hash = new XxHash3();
            var policy = new CompressionPolicy(4, goal, filter: null);
            for (int i = 0; i < 400; i++)
            {
                StoredForm form = target.Encode(policy, PageKinds.Any(ref rng, PageBytes));
                hash.Append([(byte)form.PackCodec(), (byte)form.PackStride()]);
                hash.Append(target.Encoded);
            }

            return hash.GetCurrentHashAsUInt64();
        }
    });

    [Fact]
    public void Eight_threads_store_by_one_policy_and_every_page_comes_back() => Seeded.Run(static seed =>
    {
        const int Threads = 8;
        var policy = new CompressionPolicy(8, CompressionGoal.Balanced, filter: null);
        Exception? thrown = null;
        Thread[] threads =
        [
            .. Enumerable.Range(0, Threads).Select(thread => new Thread(() =>
            {
                try
                {
                    var rng = new Rng(seed + (ulong)thread);
                    using var target = new Target(80 << 10);
                    for (int i = 0; i < 150; i++)
                    {
                        byte[] page = PageKinds.Any(ref rng, i % 16 == 0 ? 80 << 10 : PageBytes);
                        StoredForm form = target.Encode(policy, page);
                        Assert.True(target.Decode(form, page.Length).SequenceEqual(page), $"{form}: the page is not what it was");
                        if (thread == 0 && i % 40 == 39)
                            policy.Goal = (CompressionGoal)(1 + rng.Next(3));
                    }
                }
                catch (Exception e)
                {
                    Volatile.Write(ref thrown, e);
                }
            })),
        ];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        if (thrown is not null)
            Assert.Fail(thrown.ToString());
    });


    private static byte[] Noise(int salt) => Of(ContentKind.Noise, salt);

    private static byte[] Text(int salt) => Of(ContentKind.Text, salt);

    private static byte[] Of(ContentKind kind, int salt)
    {
        byte[] page = new byte[PageBytes];
        Content.Write<byte>(kind, (ulong)salt, page);
        return page;
    }

    private static byte[] Ramp(int number, int pageBytes = PageBytes)
    {
        byte[] page = new byte[pageBytes];
        PageKinds.Ramp(number, page);
        return page;
    }

    /// <summary>Room for an encoded page and for a decoded one.</summary>
    internal sealed class Target(int longest) : IDisposable
    {
        private readonly byte* _encoded = (byte*)NativeMemory.Alloc((nuint)longest);
        private readonly byte* _decoded = (byte*)NativeMemory.Alloc((nuint)longest);

        public int Length { get; private set; }

        public ReadOnlySpan<byte> Encoded => new(_encoded, Length);

        public StoredForm Encode(CompressionPolicy policy, byte[] page)
        {
            fixed (byte* source = page)
            {
                Length = policy.Encode(source, page.Length, _encoded, out StoredForm form);
                return form;
            }
        }

        public ReadOnlySpan<byte> Decode(StoredForm form, int length)
        {
            if (!PageCodec.TryDecode(form, _encoded, Length, _decoded, length))
                Assert.Fail($"{form}: {length} bytes do not decode");
            return new ReadOnlySpan<byte>(_decoded, length);
        }

        public void Dispose()
        {
            NativeMemory.Free(_encoded);
            NativeMemory.Free(_decoded);
        }
    }
}
