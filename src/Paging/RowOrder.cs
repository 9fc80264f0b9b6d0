namespace Paging;

/// <summary>An order of rows, every row once an epoch: a pure function of seed and epoch, so that machines agree and any position can be
/// resumed.</summary>
/// <remarks>Immutable, and so thread-safe. It holds no table: each row is computed from its position. What it computes is frozen: the same
/// arguments give the same order on every machine and in every later version.</remarks>
public sealed class RowOrder
{
    // Which permutation of an epoch: the numbers are a part of the format.
    private const ulong OfRows = 0;
    private const ulong OfBlocks = 1;
    private const ulong OfWindows = 2;

    /// <summary>Blocks of a window whose places are computed once, and not once a row.</summary>
    private const int MaxListed = 128;

    private readonly Kind _kind;
    private readonly ulong _seed;
    private readonly long _blockRows;
    private readonly long _windowBlocks;

    private RowOrder(Kind kind, long rows, ulong seed, int blockRows = 1, int windowBlocks = 1)
    {
        if (rows <= 0)
        {
            throw new ArgumentOutOfRangeException(nameof(rows), rows, $"An order has at least one row, not {rows:N0}.");
        }

        _kind = kind;
        Rows = rows;
        _seed = RowPermutation.Absorb(0, seed);
        _blockRows = blockRows;
        _windowBlocks = windowBlocks;
    }

    private enum Kind
    {
        Sequential,
        Shuffled,
        BlockShuffled,
    }

    /// <summary>The number of rows: an epoch has each of 0 to <see cref="Rows"/> − 1 once.</summary>
    public long Rows { get; }

    /// <summary>Rows as they lie, the same in every epoch.</summary>
    /// <param name="rows">The number of rows, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no rows.</exception>
    public static RowOrder Sequential(long rows) => new(Kind.Sequential, rows, 0);

    /// <summary>Every row anywhere: a fresh permutation an epoch, without a table of it in memory. Rows that share a page are far apart, so
    /// that an epoch of data several times the budget reads each page about once a row.</summary>
    /// <param name="rows">The number of rows, at least 1.</param>
    /// <param name="seed">Any number.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no rows.</exception>
    public static RowOrder Shuffled(long rows, ulong seed) => new(Kind.Shuffled, rows, seed);

    /// <summary>Blocks of <paramref name="blockRows"/> rows in shuffled order, rows shuffled within windows of
    /// <paramref name="windowBlocks"/> blocks: nearly as random, and paged as cheaply as reading in order.</summary>
    /// <param name="rows">The number of rows, at least 1. The last block is short if they are no multiple of
    /// <paramref name="blockRows"/>.</param>
    /// <param name="seed">Any number.</param>
    /// <param name="blockRows">Rows of a block, at least 1. With a multiple of <see cref="PagedMatrix{T}.RowsPerPage"/> no page is in two
    /// blocks.</param>
    /// <param name="windowBlocks">Blocks whose rows are shuffled together, at least 1. As long as their pages are a good part less than the
    /// pager's frames, each page is brought in once an epoch.</param>
    /// <exception cref="ArgumentOutOfRangeException">One of the numbers is less than 1.</exception>
    public static RowOrder BlockShuffled(long rows, ulong seed, int blockRows, int windowBlocks)
    {
        if (blockRows <= 0)
        {
            throw new ArgumentOutOfRangeException(nameof(blockRows), blockRows, $"A block has at least one row, not {blockRows:N0}.");
        }

        if (windowBlocks <= 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(windowBlocks), windowBlocks, $"A window has at least one block, not {windowBlocks:N0}.");
        }

        return new RowOrder(Kind.BlockShuffled, rows, seed, blockRows, windowBlocks);
    }

    /// <summary>The rows at positions [position, position + rows.Length) of an epoch; fewer at its end. Each takes the same time, wherever
    /// it stands.</summary>
    /// <param name="epoch">0 or more.</param>
    /// <param name="position">0 to <see cref="Rows"/>.</param>
    /// <param name="rows">Receives them.</param>
    /// <returns>How many there are.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The epoch is negative, or the position outside the epoch.</exception>
    public int CopyTo(long epoch, long position, Span<long> rows)
    {
        CheckPlace(epoch, position);
        int count = (int)Math.Min(rows.Length, Rows - position);
        rows = rows[..count];
        ulong state = RowPermutation.Absorb(_seed, (ulong)epoch);
        switch (_kind)
        {
            case Kind.Sequential:
                for (int i = 0; i < rows.Length; i++)
                {
                    rows[i] = position + i;
                }

                break;

            case Kind.Shuffled:
                var permutation = new RowPermutation(Rows, RowPermutation.Absorb(state, OfRows));
                for (int i = 0; i < rows.Length; i++)
                {
                    rows[i] = permutation.At(position + i);
                }

                break;

            default:
                CopyBlocks(state, position, rows);
                break;
        }

        return count;
    }

    /// <summary>Checks that an epoch and a position in it can be asked for.</summary>
    internal void CheckPlace(long epoch, long position)
    {
        if (epoch < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(epoch), epoch, $"Epochs are counted from 0, and {epoch:N0} is less.");
        }

        if (position < 0 || position > Rows)
        {
            throw new ArgumentOutOfRangeException(
                nameof(position), position, $"Position {position:N0} is not in an epoch of {Rows:N0} rows: it is 0 to {Rows:N0}.");
        }
    }

    /// <summary>Window after window of the blocks in their shuffled order. The last block may be short, and so the window is that it is in:
    /// there it stands behind the other blocks, so that the rows of a window are those of whole blocks, and then what is left.</summary>
    private void CopyBlocks(ulong state, long position, Span<long> rows)
    {
        long blocks = ((Rows - 1) / _blockRows) + 1;
        var order = new RowPermutation(blocks, RowPermutation.Absorb(state, OfBlocks));
        ulong windows = RowPermutation.Absorb(state, OfWindows);
        (long shortWindow, long shortPlace) = Math.DivRem(order.PositionOf(blocks - 1), _windowBlocks);

        // Rows that the last block lacks. Unsigned, since rows that are not there may be counted beyond the largest number.
        ulong lacking = ((ulong)_blockRows - ((ulong)Rows % (ulong)_blockRows)) % (ulong)_blockRows;
        ulong windowRows = (ulong)_blockRows * (ulong)_windowBlocks;
        Span<long> list = stackalloc long[MaxListed];
        while (!rows.IsEmpty)
        {
            ulong at = (ulong)position;
            long window = (long)(at / windowRows);
            if (window > shortWindow || (window == shortWindow && at - ((ulong)window * windowRows) >= Size(window)))
            {
                window = (long)((at + lacking) / windowRows);
            }

            ulong begin = ((ulong)window * windowRows) - (window > shortWindow ? lacking : 0);
            ulong size = Size(window);
            ulong within = at - begin;
            int part = (int)Math.Min(size - within, (ulong)rows.Length);
            long firstBlock = window * _windowBlocks;
            long lastPlace = Math.Min(_windowBlocks, blocks - firstBlock) - 1;
            var shuffle = new RowPermutation((long)size, RowPermutation.Absorb(windows, (ulong)window));
            int listed = lastPlace < MaxListed && lastPlace < part ? (int)lastPlace + 1 : 0;
            for (int place = 0; place < listed; place++)
            {
                list[place] = BlockAt(place);
            }

            for (int i = 0; i < part; i++)
            {
                (long place, long row) = Math.DivRem(shuffle.At((long)within + i), _blockRows);
                long block = listed != 0 ? list[(int)place] : BlockAt(place);
                rows[i] = (block * _blockRows) + row;
            }

            rows = rows[part..];
            position += part;

            long BlockAt(long place)
            {
                long last = lastPlace;
                long swapped = window != shortWindow ? place
                    : place == last ? shortPlace
                    : place == shortPlace ? last
                    : place;
                return order.At(firstBlock + swapped);
            }
        }

        ulong Size(long window)
        {
            ulong whole = (ulong)Math.Min(_windowBlocks, blocks - (window * _windowBlocks)) * (ulong)_blockRows;
            return window == shortWindow ? whole - lacking : whole;
        }
    }
}
