using Paging.Memory;
using Paging.Tests.Model;

namespace Paging.Tests.Memory;

public sealed unsafe class TableMemoryTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void Tables_of_all_sizes_are_zeroes_apart_and_come_back_as_zeroes() => Using(new TableMemory(), static tables =>
    {
        var random = new Random(20);
        var taken = new List<(nint Address, TableHome Home, long Bytes, byte Mark)>();
        for (int round = 0; round < 3000; round++)
        {
            if (taken.Count < 300 && random.Next(5) < 3)
            {
                long bytes = random.Next(4) == 0 ? random.Next(1, 300_000) : random.Next(1, 5000);
                byte* address = tables.Take(bytes, out TableHome home, out long length);
                Assert.InRange(length, bytes, bytes + 4095);
                Assert.Equal(0, (nint)address % 64);
                Assert.Equal(-1, new Span<byte>(address, (int)length).IndexOfAnyExcept((byte)0));
                home.MakeWritable(address, length);
                byte mark = (byte)(1 + (round % 255));
                new Span<byte>(address, (int)length).Fill(mark);
                taken.Add(((nint)address, home, length, mark));
            }
            else if (taken.Count > 0)
            {
                int i = random.Next(taken.Count);
                (nint address, TableHome home, long length, byte mark) = taken[i];
                Assert.Equal(-1, new Span<byte>((void*)address, (int)length).IndexOfAnyExcept(mark));
                taken.RemoveAt(i);
                tables.Close(home, (byte*)address, length);
                tables.GiveBack(home, (byte*)address, length);
            }
        }

        taken.ForEach(entry => tables.Close(entry.Home, (byte*)entry.Address, entry.Bytes));
        taken.ForEach(entry => tables.GiveBack(entry.Home, (byte*)entry.Address, entry.Bytes));
        Assert.Equal(0, tables.WaitingBytes);
        Assert.Equal(64 * MiB, tables.ReservedBytes);
    });

    [Fact]
    public void Addresses_given_back_serve_tables_of_other_sizes() => Using(new TableMemory(), static tables =>
    {
        long most = 0;
        foreach (long mebibytes in (long[])[100, 70, 30, 99, 17, 20, 64, 3])
        {
            byte*[] addresses = new byte*[3];
            var homes = new TableHome[3];
            long bytes = mebibytes * MiB / 3 / 4096 * 4096;
            for (int i = 0; i < 3; i++)
            {
                addresses[i] = tables.Take(bytes, out homes[i], out _);
            }

            for (int i = 0; i < 3; i++)
            {
                tables.Close(homes[i], addresses[i], bytes);
                tables.GiveBack(homes[i], addresses[i], bytes);
            }

            most = most == 0 ? tables.ReservedBytes : most;
        }

        Assert.InRange(tables.ReservedBytes, 0, most + (64 * MiB));
    });

    [Fact]
    public void A_closed_table_reads_as_zeroes_or_as_it_was_left_until_it_is_given_back() => Using(new TableMemory(), static tables =>
    {
        // Three of a slab: its memory goes with the last one closed, and none of the addresses is used again before that.
        byte*[] addresses = new byte*[3];
        TableHome home = null!;
        for (int i = 0; i < 3; i++)
        {
            addresses[i] = tables.Take(100, out home, out _);
            *addresses[i] = 7;
        }

        tables.Close(home, addresses[0], 128);
        Assert.Equal(7, *addresses[0]);
        byte* other = tables.Take(100, out _, out _);
        Assert.NotEqual((nint)addresses[0], (nint)other);
        tables.Close(home, other, 128);
        tables.Close(home, addresses[1], 128);
        tables.Close(home, addresses[2], 128);
        Assert.All([0, 1, 2], i => Assert.Equal(0, *addresses[i]));
        tables.GiveBack(home, addresses[1], 128);
        Assert.Equal((nint)addresses[1], (nint)tables.Take(100, out _, out _));
    });

    [Fact]
    public void A_hole_between_large_tables_serves_one_that_is_as_long() => Using(new TableMemory(), static tables =>
    {
        nint[] addresses = new nint[3];
        var homes = new TableHome[3];
        long bytes = 0;
        for (int i = 0; i < addresses.Length; i++)
            addresses[i] = (nint)tables.Take(4 * MiB, out homes[i], out bytes);

        tables.Close(homes[1], (byte*)addresses[1], bytes);
        tables.GiveBack(homes[1], (byte*)addresses[1], bytes);
        Assert.Equal(addresses[1], (nint)tables.Take(4 * MiB, out _, out _));
    });

    [Fact]
    public void Large_tables_begin_where_a_huge_page_does_and_small_ones_lie_between_them() => Using(new TableMemory(), static tables =>
    {
        long huge = Reservation.HugePageBytes;
        for (int i = 0; i < 12; i++)
        {
            byte* large = tables.Take(huge + 4096 + 1, out _, out long taken);
            Assert.Equal(0, (nint)large % (nint)huge);
            Assert.Equal(huge + 8192, taken);
            tables.Take(10_000, out _, out _);
        }

        Assert.Equal(64 * MiB, tables.ReservedBytes);
    });

    /// <summary>Huge pages are asked for where all is about to be written, and no longer once a part of that is given back: else the system
    /// would fill the hole, and the next table at these addresses would take 2 MiB for a word.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Huge_pages_are_asked_for_where_a_table_is_written_as_a_whole(bool inParts) => Using(new TableMemory(), tables =>
    {
        const long Huge = Reservation.HugePageBytes;
        byte* table = tables.Take((2 * Huge) + 4096, out TableHome home, out long taken);
        home.Populate(table, Huge + 8192);
        new Span<byte>(table, (int)Huge + 8192).Fill(7);
        Assert.Contains(" hg ", Mappings.FlagsAt((nint)table), StringComparison.Ordinal);
        Assert.DoesNotContain(" hg ", Mappings.FlagsAt((nint)(table + Huge)), StringComparison.Ordinal);
        if (inParts)
        {
            Assert.True(home.TryDrop(table + 8192, 4096));
            Assert.DoesNotContain(" hg ", Mappings.FlagsAt((nint)table), StringComparison.Ordinal);
            Assert.Equal(-1, new Span<byte>(table + 8192, 4096).IndexOfAnyExcept((byte)0));
            Assert.Equal(-1, new Span<byte>(table, 8192).IndexOfAnyExcept((byte)7));
            Assert.Equal(-1, new Span<byte>(table + 12_288, (int)Huge - 4096).IndexOfAnyExcept((byte)7));
        }

        tables.Close(home, table, taken);
        Assert.DoesNotContain(" hg ", Mappings.FlagsAt((nint)table), StringComparison.Ordinal);
        Assert.Equal(-1, new Span<byte>(table, (int)taken).IndexOfAnyExcept((byte)0));
        tables.GiveBack(home, table, taken);
    });

    private static void Using(TableMemory tables, Action<TableMemory> test)
    {
        try
        {
            test(tables);
        }
        finally
        {
            tables.Release();
        }
    }
}
